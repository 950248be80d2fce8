"""Confident pixels: learn the mean teacher's pixel labels in images without a mask, weighted by its confidence.

CW-BASS (Tarubinga et al. 2025, https://arxiv.org/abs/2502.15152): a pixel's cross-entropy with the teacher's class has
the factor confidence^gamma; pixels below a threshold, which rises with the image's mean confidence, are left out; the
cross-entropy at the boundaries of the teacher's masks is added. Hand masks are learned by another loss, e.g.
pixel_cross_entropy. Not taken over: the paper's decay of the confidence. Its threshold, base / (1 + exp(-sharpness x
(mean confidence - 0.5))), clipped to [0.3, 0.8], lies between 0.30 and 0.34 with its base of 0.6: where background and
an image's own class are all that can be said, the surer one is always above.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch, Output, possible_labels
from handful.parts.losses._sobel import sobel

reads_masks = True
uses_unlabelled = True
uses_unmasked = True
needs_teacher = True
LOWEST, HIGHEST = 0.3, 0.8  # of the threshold


class PixelConfidence:
    """Loss of each image without a mask; 0 for an image with one."""

    def __init__(self, gamma: float, base: float, sharpness: float, boundary: float, rise: float) -> None:
        self.gamma, self.base, self.sharpness, self.boundary, self.rise = gamma, base, sharpness, boundary, rise

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats per pixel, times the linear ramp."""
        assert output.pixels is not None, "a recipe with this loss needs a head that segments"
        assert batch.teacher_output is not None, "the recipe was checked"
        assert batch.teacher_output.pixels is not None, "the teacher is the same network"
        confidence, guesses = likely_labels(batch.teacher_output.pixels, batch.labels)
        mean = confidence.mean(dim=(1, 2), keepdim=True)
        threshold = (self.base * torch.sigmoid(self.sharpness * (mean - 0.5))).clamp(LOWEST, HIGHEST)
        counted = (confidence > threshold) & ~batch.has_mask[:, None, None]
        loss = F.cross_entropy(output.pixels.float(), guesses, reduction="none")
        value = _mean(loss * confidence**self.gamma, counted)
        if self.boundary > 0:
            value = value + self.boundary * _mean(loss, counted & boundaries(guesses))
        return value * (min(1.0, batch.progress / self.rise) if self.rise > 0 else 1.0)


def likely_labels(
    scores: Float[Tensor, "n k1 h w"], labels: Int[Tensor, " n"]
) -> tuple[Float[Tensor, "n h w"], Int[Tensor, "n h w"]]:
    """The likeliest label of each pixel and its probability: background or the image's class; any class without one."""
    possible = possible_labels(labels, scores.shape[1])
    likely = scores.float().masked_fill(~possible[:, :, None, None], -torch.inf).softmax(dim=1)
    confidence, guesses = likely.max(dim=1)
    return confidence, guesses


def boundaries(labels: Int[Tensor, "n h w"]) -> Bool[Tensor, "n h w"]:
    """Pixels at which the Sobel gradient of the map of labels is not zero."""
    return (sobel(labels.float()[:, None]) != 0).any(dim=1)


def _mean(loss: Float[Tensor, "n h w"], counted: Bool[Tensor, "n h w"]) -> Float[Tensor, " n"]:
    return (loss * counted).sum(dim=(1, 2)) / counted.sum(dim=(1, 2)).clamp_min(1)


def build(
    _context: Context,
    *,
    gamma: float = 1.0,
    base: float = 0.6,
    sharpness: float = 0.5,
    boundary: float = 0.5,
    rise: float = 0.1,
) -> PixelConfidence:
    """Confidence-weighted pixel labels of the mean teacher.

    Args:
        gamma: exponent of the confidence; 0: all pixels above the threshold count equally.
        base: of the threshold, above 0. From 1.6 on it is 0.8 where the teacher is sure.
        sharpness: how steeply the threshold rises with the image's mean confidence; 0: it is base / 2.
        boundary: weight of the cross-entropy at the boundaries.
        rise: share of the stage over which the weight rises from 0, linearly; from 0 to 1.

    Raises:
        ValueError: a number is out of range.
    """
    if not base > 0:
        raise ValueError(f"base must be above 0, not {base!r}")
    for name, value in (("gamma", gamma), ("sharpness", sharpness), ("boundary", boundary)):
        if not value >= 0:
            raise ValueError(f"{name} must be 0 or more, not {value!r}")
    if not 0 <= rise <= 1:
        raise ValueError(f"rise must be in [0, 1], not {rise!r}")
    return PixelConfidence(gamma, base, sharpness, boundary, rise)

"""Pixel-wise cross-entropy: the class of a pixel is background or the image's class (CvS, section III-A).

The paper says "the loss function is taken to be a cross entropy loss" and is silent on how pixels are weighted; we take
the mean over an image's labelled pixels, all with weight 1, and offer `foreground` to weight the object's pixels.

Of an image with several labels, a pixel of an object whose class the mask does not tell shows one of the classes that
the image shows, or may show: its loss is -log of the sum of their probabilities, as that of an image with candidates
in `losses/cross_entropy`. That is ours; the paper's images have one class each.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import IGNORE, Batch, Output
from handful.parts.losses._pixel_means import check_foreground, labelled_mean

reads_masks = True
multilabel = True


class PixelCrossEntropy:
    """Weighted mean over the labelled pixels of each image; 0 for an image without any."""

    def __init__(self, foreground: float | None) -> None:
        self.foreground = foreground

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats per pixel."""
        assert output.pixels is not None, "a recipe with this loss needs a head that segments"
        if batch.known is not None:
            loss = several_cross_entropy(output.pixels, batch)
        else:
            loss = F.cross_entropy(output.pixels, batch.pixel_labels, ignore_index=IGNORE, reduction="none")
        return labelled_mean(loss, batch, self.foreground)


def several_cross_entropy(pixels: Float[Tensor, "n k1 h w"], batch: Batch) -> Float[Tensor, "n h w"]:
    """Cross-entropy of each pixel, of images with several labels; 0 where a pixel has no label."""
    assert batch.known is not None
    one_of = batch.pixel_labels == pixels.shape[1]
    labels = batch.pixel_labels.masked_fill(one_of, IGNORE)
    loss = F.cross_entropy(pixels, labels, ignore_index=IGNORE, reduction="none")
    possible = (batch.targets > 0) | ~batch.known
    possible = possible | ~possible.any(dim=1, keepdim=True)  # where an image shows none, no pixel is one of them
    log_p = pixels.log_softmax(dim=1)[:, 1:].masked_fill(~possible[:, :, None, None], -math.inf)
    return torch.where(one_of, -log_p.logsumexp(dim=1), loss)


def build(context: Context, *, foreground: float | None = None) -> PixelCrossEntropy:  # noqa: ARG001
    """Pixel-wise cross-entropy.

    Args:
        context: not used.
        foreground: weight of the foreground's mean loss in an image's loss, in (0, 1); the background has the rest.
            None: all labelled pixels count equally.

    Raises:
        ValueError: foreground is not in (0, 1).
    """
    check_foreground(foreground)
    return PixelCrossEntropy(foreground)

"""Pixel-wise cross-entropy: the class of a pixel is background or the image's class (CvS, section III-A).

The paper says "the loss function is taken to be a cross entropy loss" and is silent on how pixels are weighted; we take
the mean over an image's labelled pixels, all with weight 1, and offer `foreground` to weight the object's pixels.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import IGNORE, Batch, Output

reads_masks = True


class PixelCrossEntropy:
    """Weighted mean over the labelled pixels of each image; 0 for an image without any."""

    def __init__(self, foreground: float | None) -> None:
        self.foreground = foreground

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats per pixel."""
        assert output.pixels is not None, "a recipe with this loss needs a head that segments"
        labels = batch.pixel_labels
        loss = F.cross_entropy(output.pixels, labels, ignore_index=IGNORE, reduction="none")
        if batch.pixel_weights is not None:
            loss = loss * batch.pixel_weights
        labelled = (labels != IGNORE).float()
        if self.foreground is None:
            return (loss * labelled).sum(dim=(1, 2)) / labelled.sum(dim=(1, 2)).clamp_min(1)
        object_ = (labels > 0).float()
        background = labelled - object_
        n_object, n_background = object_.sum(dim=(1, 2)), background.sum(dim=(1, 2))
        share = self.foreground * (n_object > 0) + (n_background == 0) * (n_object > 0) * (1 - self.foreground)
        object_mean = (loss * object_).sum(dim=(1, 2)) / n_object.clamp_min(1)
        background_mean = (loss * background).sum(dim=(1, 2)) / n_background.clamp_min(1)
        return share * object_mean + (1 - share) * background_mean


def build(context: Context, *, foreground: float | None = None) -> PixelCrossEntropy:  # noqa: ARG001
    """Pixel-wise cross-entropy.

    Args:
        context: not used.
        foreground: weight of the foreground's mean loss in an image's loss, in (0, 1); the background has the rest.
            None: all labelled pixels count equally.

    Raises:
        ValueError: foreground is not in (0, 1).
    """
    if foreground is not None and not 0 < foreground < 1:
        raise ValueError(f"foreground must be between 0 and 1, not {foreground}")
    return PixelCrossEntropy(foreground)

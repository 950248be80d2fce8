"""Pixel-wise cross-entropy: the class of a pixel is background or the image's class (CvS, section III-A).

The paper says "the loss function is taken to be a cross entropy loss" and is silent on how pixels are weighted; we take
the mean over an image's labelled pixels, all with weight 1, and offer `foreground` to weight the object's pixels.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import IGNORE, Batch, Output
from handful.parts.losses._pixel_means import check_foreground, labelled_mean

reads_masks = True


class PixelCrossEntropy:
    """Weighted mean over the labelled pixels of each image; 0 for an image without any."""

    def __init__(self, foreground: float | None) -> None:
        self.foreground = foreground

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats per pixel."""
        assert output.pixels is not None, "a recipe with this loss needs a head that segments"
        loss = F.cross_entropy(output.pixels, batch.pixel_labels, ignore_index=IGNORE, reduction="none")
        return labelled_mean(loss, batch, self.foreground)


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

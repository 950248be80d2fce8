"""The CvS loss: cross-entropy of every pixel with its label, background or the image's class (CvS, section III-A).

The paper says "the loss function is taken to be a cross entropy loss" and nothing on how pixels are weighted; we take
the mean over an image's labelled pixels, all with weight 1, and offer `foreground` to weigh the object's pixels.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import IGNORE, Batch, Output


class PixelCrossEntropy:
    """One value per image, the weighted mean over its labelled pixels; 0 for an image without any."""

    def __init__(self, foreground: float | None) -> None:
        self.foreground = foreground

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats per pixel."""
        assert output.pixels is not None, "a recipe with this loss needs a head that segments"
        labels = batch.pixel_labels
        loss = F.cross_entropy(output.pixels, labels, ignore_index=IGNORE, reduction="none")
        known = (labels != IGNORE).float()
        if self.foreground is None:
            return (loss * known).sum(dim=(1, 2)) / known.sum(dim=(1, 2)).clamp_min(1)
        front = (labels > 0).float()
        back = known - front
        n_front, n_back = front.sum(dim=(1, 2)), back.sum(dim=(1, 2))
        share = self.foreground * (n_front > 0) + (n_back == 0) * (n_front > 0) * (1 - self.foreground)
        front_mean = (loss * front).sum(dim=(1, 2)) / n_front.clamp_min(1)
        back_mean = (loss * back).sum(dim=(1, 2)) / n_back.clamp_min(1)
        return share * front_mean + (1 - share) * back_mean


def build(context: Context, *, foreground: float | None = None) -> PixelCrossEntropy:  # noqa: ARG001
    """`foreground`: the share of an image's loss that its foreground pixels carry; None: their share of the area.

    Raises:
        ValueError: it is not in (0, 1).
    """
    if foreground is not None and not 0 < foreground < 1:
        raise ValueError(f"foreground must be between 0 and 1, not {foreground}")
    return PixelCrossEntropy(foreground)

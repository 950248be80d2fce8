"""Soft Dice loss of the object's pixels (V-Net, Milletari et al. 2016, https://arxiv.org/abs/1606.04797).

1 - (2 sum p g + eps) / (sum p^2 + sum g + eps) over an image's labelled pixels, for each class that it shows and the
mean of these; p is a pixel's probability of the class, g whether it has it. A small object counts as much as a large
one. On its own it is as good with a few sure pixels as with many: it is mostly added to `pixel_cross_entropy`.
Where pixels have weights, an image's loss has the mean of those of its labelled pixels as factor.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import IGNORE, Batch, Output

reads_masks = True


class PixelDice:
    """One minus the mean Dice over the classes of an image's labelled pixels; 0 for an image without any object."""

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Loss in [0, 1]."""
        assert output.pixels is not None, "a recipe with this loss needs a head that segments"
        with torch.autocast(output.pixels.device.type, enabled=False):
            likely = output.pixels.float().softmax(dim=1)
            labelled = (batch.pixel_labels != IGNORE).float()[:, None]
            classes = likely.shape[1]
            true = F.one_hot(batch.pixel_labels.clamp(min=0), classes).movedim(-1, 1).float()
            p, g = (x.mul(labelled)[:, 1:].flatten(2) for x in (likely, true))
            shown = (g.sum(dim=2) > 0).float()
            dice = (2 * (p * g).sum(dim=2) + self.eps) / (p.square().sum(dim=2) + g.sum(dim=2) + self.eps)
            loss = ((1 - dice) * shown).sum(dim=1) / shown.sum(dim=1).clamp_min(1)
            if batch.pixel_weights is None:
                return loss
            weights = batch.pixel_weights * labelled[:, 0]
            return loss * weights.sum(dim=(1, 2)) / labelled.sum(dim=(1, 2, 3)).clamp_min(1)


def build(context: Context, *, eps: float = 1.0) -> PixelDice:  # noqa: ARG001
    """Soft Dice loss.

    Args:
        context: not used.
        eps: added to both sides of the fraction, in pixels, so that tiny objects give no steep gradient.

    Raises:
        ValueError: eps is not positive.
    """
    if not eps > 0:
        raise ValueError(f"eps must be above 0, not {eps}")
    return PixelDice(eps)

"""Asymmetric loss of images with several labels (Ridnik et al. 2021, https://arxiv.org/abs/2009.14119, section 2).

Absent entries are many and mostly easy, so their loss is focal, with an exponent of its own, and 0 below a probability:
a class that is surely absent teaches nothing. Entries that are not known have no loss.
"""

from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._focal import TINY, check_focusing

multilabel = True
needs_multilabel = True


class AsymmetricLoss(nn.Module):
    """Asymmetric loss of each image, its sum over the known entries."""

    def __init__(self, present: float, absent: float, margin: float) -> None:
        super().__init__()
        self.present, self.absent, self.margin = present, absent, margin

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """In nats, where both exponents and the margin are 0."""
        p = output.logits.float().sigmoid()
        shifted = (p - self.margin).clamp_min(0)
        positive = (1 - p) ** self.present * p.clamp_min(TINY).log()
        negative = shifted**self.absent * (1 - shifted).clamp_min(TINY).log()
        known = batch.labels[:, None] >= 0 if batch.known is None else batch.known
        each = batch.targets * positive + (1 - batch.targets) * negative
        return -(each * known).sum(dim=1)


def build(context: Context, *, present: float = 0.0, absent: float = 4.0, margin: float = 0.05) -> nn.Module:  # noqa: ARG001
    """Asymmetric loss.

    Args:
        context: not read.
        present: focal exponent of entries that are present, 0 or more.
        absent: that of absent ones.
        margin: probability below which an absent entry has no loss, from 0 to below 1.

    Raises:
        ValueError: a number out of range.
    """
    check_focusing(present, absent, margin)
    return AsymmetricLoss(present, absent, margin)

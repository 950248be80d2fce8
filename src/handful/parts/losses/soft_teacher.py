"""Binary cross-entropy in which an unknown entry counts as absent as far as an averaged network says that it is.

Soft Teacher (Xu et al. 2021, https://arxiv.org/abs/2106.09018, equation 5) weighs each background box by the teacher's
probability that it is background. Here the boxes are the unknown entries of several labels per image, and the teacher
is the network with averaged weights (`Recipe.ema`), on the same view: weight 1 - p. The paper's weights sum to 1 over
an image's boxes; these do not, so that an entry that is surely absent weighs as much as a known one. They rise from 0
over the first part of a stage, in which the teacher knows little.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._views import ramp_up

multilabel = True
needs_multilabel = True
needs_teacher = True
needs_no_absent = True


class SoftTeacher(nn.Module):
    """Binary cross-entropy of each image, its sum over the classes; 0 for an image of which nothing is known."""

    def __init__(self, rise: float) -> None:
        super().__init__()
        self.rise = rise

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """In nats."""
        assert batch.teacher_output is not None, "the recipe was checked"
        known = (batch.labels[:, None] >= 0).expand_as(batch.targets) if batch.known is None else batch.known
        unknown = known.any(dim=1, keepdim=True) & ~known
        absent = 1 - batch.teacher_output.logits.float().sigmoid()
        weight = known + unknown * absent * ramp_up(batch.progress, self.rise)
        each = F.binary_cross_entropy_with_logits(output.logits.float(), batch.targets * known, reduction="none")
        return (each * weight).sum(dim=1)


def build(_context: Context, *, rise: float = 0.2) -> SoftTeacher:
    """Unknown entries weighed by the averaged network.

    Args:
        rise: share of the stage over which the weight of unknown entries rises to 1, as exp(-5 (1 - t)^2); from 0 to 1.

    Raises:
        ValueError: `rise` is not in [0, 1].
    """
    if not 0 <= rise <= 1:
        raise ValueError(f"rise must be in [0, 1], not {rise!r}")
    return SoftTeacher(rise)

"""Mean teacher: squared difference between a view's probabilities and the averaged network's on the first view.

Tarvainen and Valpola 2017, https://arxiv.org/abs/1703.01780: the teacher is the network with averaged weights
(`Recipe.ema`), the views are two augmentations of an image, and the weight rises over the first part of the training.
It is for images with and without a label; of one with several candidates for its class the teacher predicts among
these. The paper's weight is 100, as the mean over the classes is small.
"""

from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._views import among_candidates, ramp_up, view_values

soft_targets = True
candidates = True
uses_unlabelled = True
needs_views = True
needs_teacher = True


class MeanTeacher:
    """Mean teacher loss of each image on the stage's first further view; 0 for an image without that view."""

    def __init__(self, rise: float) -> None:
        self.rise = rise

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Mean over the classes of the squared difference, in [0, 1], times the ramp."""
        assert batch.teacher_output is not None, "the recipe was checked"
        rows = batch.view_rows(0)
        teacher = batch.teacher_output.logits[rows].float().softmax(dim=1)
        teacher = among_candidates(teacher, batch, rows)
        student = output.views[0].logits.float().softmax(dim=1)
        difference = (student - teacher).square().mean(dim=1)
        return view_values(batch, rows, difference * ramp_up(batch.progress, self.rise))


def build(_context: Context, *, rise: float = 0.2) -> MeanTeacher:
    """Mean teacher.

    Args:
        rise: share of the stage over which the weight rises from 0.007 to 1, as exp(-5 (1 - t)^2); from 0 to 1. The
            paper takes 80 of about 300 epochs.

    Raises:
        ValueError: `rise` is not in [0, 1].
    """
    if not 0 <= rise <= 1:
        raise ValueError(f"rise must be in [0, 1], not {rise!r}")
    return MeanTeacher(rise)

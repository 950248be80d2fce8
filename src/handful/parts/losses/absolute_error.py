"""Absolute error of numbers, in units of the training images' standard deviation: the median is learned, not the mean.

Outliers, and wrong numbers, count for less than under the squared error that `cross_entropy` is for numbers.
"""

from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.models.link import Linear

number = True
needs_number = True


class AbsoluteError(nn.Module):
    """Absolute error of each image, its sum over the quantities that are known."""

    def __init__(self, link: Linear) -> None:
        super().__init__()
        self.link = link

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """The distance of scores and values, both in units of the deviation."""
        known = batch.labels[:, None] >= 0 if batch.known is None else batch.known
        return ((output.logits - self.link.logits(batch.targets)).abs() * known).sum(dim=1)


def build(context: Context) -> nn.Module:
    """Absolute error.

    Args:
        context: gives the scale of the numbers.
    """
    assert context.task.scale is not None, "recipes are checked against the kind of the data"
    return AbsoluteError(Linear(context.task.scale))

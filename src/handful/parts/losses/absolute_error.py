"""Absolute error of numbers, in units of the training images' standard deviation: the median is learned, not the mean.

Outliers, and wrong numbers, count for less than under the squared error that `cross_entropy` is for numbers. With
`reweight` rare values count for more, by their density among the training images (`_density`).
"""

from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.models.link import Linear
from handful.parts.losses._density import DensityWeighting, DensityWeights, density_weights

number = True
needs_number = True


class AbsoluteError(nn.Module):
    """Absolute error of each image, its sum over the quantities that are known."""

    def __init__(self, link: Linear, weights: DensityWeights | None = None) -> None:
        super().__init__()
        self.link, self.weights = link, weights

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """The distance of scores and values, both in units of the deviation."""
        known = batch.labels[:, None] >= 0 if batch.known is None else batch.known
        targets = self.link.logits(batch.targets)
        each = (output.logits - targets).abs()
        if self.weights is not None:
            each = each * self.weights(targets, known.expand_as(targets))
        return (each * known).sum(dim=1)


def build(context: Context, *, reweight: DensityWeighting = "none", bandwidth: float | None = None) -> nn.Module:
    """Absolute error.

    Args:
        context: gives the scale of the numbers, and the training images.
        reweight: weight of a value: "none", 1; "inverse", 1 / density; or "square_root", the root of that.
        bandwidth: of the density's kernel, in deviations of the numbers; None: n images to the power of -1/5.

    Raises:
        ValueError: another `reweight`, or a bandwidth that is not above 0.
    """
    assert context.task.scale is not None, "recipes are checked against the kind of the data"
    return AbsoluteError(Linear(context.task.scale), density_weights(context, reweight, bandwidth))

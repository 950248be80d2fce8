"""GCPL: distance-based cross-entropy plus the prototype loss (Yang et al. 2018, https://arxiv.org/abs/1805.03438).

The head `prototypes` turns distances into logits, so the first part is their cross-entropy. The second, weighted by
lambda, is half the squared distance to the nearest prototype of the image's own class; the half, and the default lambda
of 0.001, are those of the authors' code.
"""

from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._targets import check_smoothing, smooth, soft_cross_entropy

needs_prototypes = True


class Gcpl:
    """One value per image; 0 for an image without a label."""

    def __init__(self, prototype: float, smoothing: float) -> None:
        self.prototype, self.smoothing = prototype, smoothing

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats, plus lambda times half a squared distance; mixed targets weigh the classes'."""
        assert output.distances is not None, "a recipe with this loss has the head prototypes"
        pull = (batch.targets * output.distances).sum(dim=1) / 2
        return soft_cross_entropy(output.logits, smooth(batch.targets, self.smoothing)) + self.prototype * pull


def build(context: Context, *, prototype: float = 0.001, smoothing: float = 0.0) -> Gcpl:  # noqa: ARG001
    """`prototype`: lambda, the prototype loss's weight. `smoothing` moves that share of each target to all classes.

    Raises:
        ValueError: a negative lambda, or smoothing that is not in [0, 1).
    """
    check_smoothing(smoothing)
    if not 0 <= prototype < float("inf"):
        raise ValueError(f"prototype is a weight of 0 or more, not {prototype!r}")
    return Gcpl(float(prototype), smoothing)

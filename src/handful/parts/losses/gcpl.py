"""Generalized convolutional prototype loss: distance-based cross-entropy plus prototype loss (Yang et al. 2018).

Robust Classification with Convolutional Prototype Learning, https://arxiv.org/abs/1805.03438. The head `prototypes`
turns distances into logits, so the first term is their cross-entropy. The second, weighted by lambda, is half the
squared distance to the nearest prototype of the image's class; the half and the default lambda of 0.001 are those of
the authors' code.
"""

from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._targets import check_smoothing, smooth, soft_cross_entropy

soft_targets = True
needs_prototypes = True


class Gcpl:
    """GCPL loss of each image; 0 for an image without a label."""

    def __init__(self, prototype: float, smoothing: float) -> None:
        self.prototype, self.smoothing = prototype, smoothing

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats plus lambda times half the squared distance, averaged with mixed targets."""
        assert output.distances is not None, "a recipe with this loss has the head prototypes"
        prototype_loss = (batch.targets * output.distances).sum(dim=1) / 2
        cross_entropy = soft_cross_entropy(output.logits, smooth(batch.targets, self.smoothing))
        return cross_entropy + self.prototype * prototype_loss


def build(context: Context, *, prototype: float = 0.001, smoothing: float = 0.0) -> Gcpl:  # noqa: ARG001
    """GCPL loss, for the head `prototypes`.

    Args:
        context: not used.
        prototype: lambda, the weight of the prototype loss, 0 or more.
        smoothing: label smoothing of the cross-entropy, in [0, 1).

    Raises:
        ValueError: lambda is negative, or smoothing is not in [0, 1).
    """
    check_smoothing(smoothing)
    if not 0 <= prototype < float("inf"):
        raise ValueError(f"prototype must be a weight of 0 or more, not {prototype!r}")
    return Gcpl(float(prototype), smoothing)

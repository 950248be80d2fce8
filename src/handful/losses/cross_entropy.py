"""Softmax cross-entropy of the class logits with the batch's target probabilities; label smoothing optional."""

from jaxtyping import Float
from torch import Tensor

from handful.losses._targets import check_smoothing, smooth, soft_cross_entropy
from handful.types import Batch, Context, Output


class CrossEntropy:
    """One value per image; 0 for an image without a label."""

    def __init__(self, smoothing: float) -> None:
        self.smoothing = smoothing

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats."""
        return soft_cross_entropy(output.logits, smooth(batch.targets, self.smoothing))


def build(context: Context, *, smoothing: float = 0.0) -> CrossEntropy:  # noqa: ARG001
    """`smoothing` moves that share of each target to all classes evenly.

    Raises:
        ValueError: it is not in [0, 1).
    """
    check_smoothing(smoothing)
    return CrossEntropy(smoothing)

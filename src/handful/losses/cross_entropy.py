"""Softmax cross-entropy of the class logits with the batch's target probabilities; label smoothing optional."""

from jaxtyping import Float
from torch import Tensor

from handful.types import Batch, Context, Output


class CrossEntropy:
    """One value per image; 0 for an image without a label."""

    def __init__(self, smoothing: float) -> None:
        self.smoothing = smoothing

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats."""
        total = batch.targets.sum(dim=1, keepdim=True)
        targets = batch.targets * (1 - self.smoothing) + total * self.smoothing / batch.targets.shape[1]
        return -(targets * output.logits.log_softmax(dim=1)).sum(dim=1)


def build(context: Context, *, smoothing: float = 0.0) -> CrossEntropy:  # noqa: ARG001
    """`smoothing` moves that share of each target to all classes evenly.

    Raises:
        ValueError: it is not in [0, 1).
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be in [0, 1), not {smoothing}")
    return CrossEntropy(smoothing)

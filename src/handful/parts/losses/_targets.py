"""What losses do with target probabilities. A row of zeros is an image without a label, and stays one."""

from jaxtyping import Float
from torch import Tensor


def check_smoothing(smoothing: float) -> None:
    """Refuse a share that is none.

    Raises:
        ValueError: it is not in [0, 1).
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be in [0, 1), not {smoothing}")


def smooth(targets: Float[Tensor, "n k"], smoothing: float) -> Float[Tensor, "n k"]:
    """Move this share of each row to all k classes evenly (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567)."""
    total = targets.sum(dim=1, keepdim=True)
    return targets * (1 - smoothing) + total * smoothing / targets.shape[1]


def soft_cross_entropy(scores: Float[Tensor, "n k"], targets: Float[Tensor, "n k"]) -> Float[Tensor, " n"]:
    """Cross-entropy in nats of softmaxed scores with target probabilities."""
    return -(targets * scores.log_softmax(dim=1)).sum(dim=1)

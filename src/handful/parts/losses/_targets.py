"""Label smoothing and cross-entropy for target probabilities. A row of zeros (no label) stays a row of zeros."""

from jaxtyping import Float
from torch import Tensor


def check_smoothing(smoothing: float) -> None:
    """Check the label smoothing.

    Raises:
        ValueError: smoothing is not in [0, 1).
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be in [0, 1), not {smoothing}")


def smooth(targets: Float[Tensor, "n k"], smoothing: float) -> Float[Tensor, "n k"]:
    """Label smoothing: (1 - s) t + s / k (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567)."""
    total = targets.sum(dim=1, keepdim=True)
    return targets * (1 - smoothing) + total * smoothing / targets.shape[1]


def soft_cross_entropy(scores: Float[Tensor, "n k"], targets: Float[Tensor, "n k"]) -> Float[Tensor, " n"]:
    """Cross-entropy in nats between target probabilities and the softmax of the scores."""
    return -(targets * scores.log_softmax(dim=1)).sum(dim=1)

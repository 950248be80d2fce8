"""Generalized cross-entropy: (1 - p^q) / q, which bounds what a wrong label costs.

Zhang and Sabuncu 2018, equation 6, https://arxiv.org/abs/1805.07836: q = 1 is the mean absolute error, which wrong
labels hardly disturb and which is slow to learn; q towards 0 is cross-entropy. Their truncated form is left out.
"""

from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch, Output

soft_targets = True


class GeneralizedCrossEntropy:
    """Generalized cross-entropy of each image, the mean over its target; 0 for an image without a label."""

    def __init__(self, q: float) -> None:
        self.q = q

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """A value in [0, 1 / q]."""
        powers = (self.q * output.logits.float().log_softmax(dim=1)).exp()
        return (batch.targets * (1 - powers)).sum(dim=1) / self.q


def build(_context: Context, *, q: float = 0.7) -> GeneralizedCrossEntropy:
    """Generalized cross-entropy.

    Args:
        q: above 0 and at most 1; the paper takes 0.7.

    Raises:
        ValueError: q is out of range.
    """
    if not 0 < q <= 1:
        raise ValueError(f"q must be above 0 and at most 1, not {q!r}")
    return GeneralizedCrossEntropy(q)

"""Fitted heads whose scores are linear in the features."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.parts.heads._fitted import Arrays, FittedHead


class LinearScores(FittedHead):
    """Keeps `weight` [k c] and `bias` [k]."""

    names = ("weight", "bias")

    def score(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, "n k"]:
        """One score per class; scikit-learn's single one of two classes is split in two."""
        return F.linear(x, arrays["weight"], arrays["bias"])

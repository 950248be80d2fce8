"""Ridge regression from frozen features to +1 for the own class and -1 for the others.

The closed-form head of Bertinetto et al. 2019 (https://arxiv.org/abs/1805.08136). The penalty is chosen by
cross-fitting on the training images; with fewer than two images of a class it is the first of `GRID`.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Float32, Int
from sklearn.linear_model import Ridge as Regression
from torch import nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._fitted import strengths_of
from handful.parts.heads._linear_scores import LinearScores

fitted = True
own_classes = True
GRID = (1.0, 0.1, 0.3, 3.0, 10.0)


class Ridge(LinearScores):
    """Keeps `weight` and `bias`."""

    start = 0.09

    def learn(
        self, x: Float32[np.ndarray, "m c"], y: Int[np.ndarray, " m"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """Scikit-learn's solution."""
        targets = 2 * np.eye(self.classes, dtype=np.float32)[y] - 1
        model = Regression(alpha=strength).fit(x, targets)
        return {"weight": model.coef_, "bias": model.intercept_}


def build(
    context: Context,
    *,
    backbone: Backbone,
    penalty: float | Literal["auto"] = "auto",
    center: bool = True,
    l2: bool = True,
    tukey: float = 1.0,
) -> nn.Module:
    """`penalty`: of the weights' squared length, or "auto"; `center`, `l2` and `tukey` as in head `logistic`.

    Raises:
        ValueError: a penalty that is not above 0.
    """
    head = Ridge(backbone.channels, len(context.task.classes), center=center, l2=l2, tukey=tukey)
    head.strengths = strengths_of(penalty, GRID, name="penalty")
    return head

"""Ridge regression on frozen features, with targets +1 for the image's class and -1 for the others.

The closed-form head of Bertinetto et al. 2019 (https://arxiv.org/abs/1805.08136). The penalty is selected by
cross-validation on the training images; with fewer than two images of a class it is the first of `GRID`. Numbers are
regressed as they are, in units of their deviation.
"""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from sklearn.linear_model import Ridge as Regression
from torch import nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform
from handful.parts.heads._fitted import strengths_of
from handful.parts.heads._linear_scores import LinearScores
from handful.parts.heads._multilabel import binary_rows
from handful.parts.heads._numbers import regression_rows

fitted = True
own_classes = True
multilabel = True
number = True
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

    def learn_multilabel(
        self, x: Float32[np.ndarray, "m c"], targets: Float32[np.ndarray, "m k"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """A regression per class, with target +1 where it is present and -1 where it is absent."""

        def fit(x: Float32[np.ndarray, "m c"], present: Bool[np.ndarray, " m"]) -> tuple[np.ndarray, float]:
            model = Regression(alpha=strength).fit(x, 2 * present.astype(np.float32) - 1)
            return model.coef_, float(model.intercept_)

        weight, bias = binary_rows(fit, x, targets)
        return {"weight": weight, "bias": bias}

    def learn_numbers(
        self, x: Float32[np.ndarray, "m c"], targets: Float32[np.ndarray, "m k"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """A regression per quantity."""

        def fit(x: Float32[np.ndarray, "m c"], values: Float32[np.ndarray, " m"]) -> tuple[np.ndarray, float]:
            model = Regression(alpha=strength).fit(x, values)
            return model.coef_, float(model.intercept_)

        weight, bias = regression_rows(fit, x, targets)
        return {"weight": weight, "bias": bias}


def build(
    context: Context,
    *,
    backbone: Backbone,
    penalty: float | Literal["auto"] = "auto",
    transform: FeatureTransform = DEFAULT,
) -> nn.Module:
    """Build the ridge regression head.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        penalty: factor of the weights' squared length, or "auto": the best of `GRID` in cross-validation.
        transform: options `center`, `l2` and `tukey`, see `FeatureTransform`.

    Raises:
        ValueError: a penalty that is not above 0.
    """
    head = Ridge(backbone.channels, len(context.task.classes), transform)
    head.strengths = strengths_of(penalty, GRID, name="penalty")
    return head

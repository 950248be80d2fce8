"""Multinomial logistic regression on frozen features, with an L2 penalty.

The strong simple control of few-shot work (Chen et al. 2019, https://arxiv.org/abs/1904.04232; Tian et al. 2020,
https://arxiv.org/abs/2003.11539). Scikit-learn's `C`, the inverse of the penalty, is selected by cross-validation on
the training images; with fewer than two images of a class it is the first of `GRID`. That one, and the temperature that
goes with it, were chosen on draws of CIFAR-10's training images.
"""

from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from torch import nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._candidates import regression_on_candidates
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform
from handful.parts.heads._fitted import strengths_of
from handful.parts.heads._linear_scores import LinearScores
from handful.parts.heads._multilabel import binary_rows
from handful.parts.heads._regression import regression

fitted = True
own_classes = True
multilabel = True
soft_targets = True
candidates = True
GRID = (1.0, 0.1, 10.0, 100.0)


class Logistic(LinearScores):
    """Keeps `weight` and `bias`."""

    start = 0.08

    def learn(
        self, x: Float32[np.ndarray, "m c"], y: Int[np.ndarray, " m"] | Float32[np.ndarray, "m k"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """Scikit-learn's solution, by L-BFGS."""
        if y.ndim == 1:
            weight, bias = regression(x, y, strength)
        else:
            rows, classes = y.nonzero()
            weight, bias = regression(x[rows], classes, strength, weights=y[rows, classes])
        return {"weight": weight, "bias": bias}

    def learn_multilabel(
        self, x: Float32[np.ndarray, "m c"], targets: Float32[np.ndarray, "m k"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """A binary regression per class, sought in the span of all images."""
        basis: Any = np.linalg.qr(x.T)[0] if len(x) < x.shape[1] else None

        def fit(x: Float32[np.ndarray, "m c"], present: Bool[np.ndarray, " m"]) -> tuple[np.ndarray, float]:
            weight, bias = regression(x, present.astype(np.int64), strength)
            return weight[1] - weight[0], float(bias[1] - bias[0])

        weight, bias = binary_rows(fit, x if basis is None else x @ basis, targets)
        return {"weight": weight if basis is None else weight @ basis.T, "bias": bias}

    def learn_candidates(
        self,
        x: Float32[np.ndarray, "m c"],
        targets: Float32[np.ndarray, "m k"],
        candidates: Float32[np.ndarray, "m k"],
        *,
        strength: float,
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The likeliest weights, see `_candidates`."""
        weight, bias = regression_on_candidates(x, targets, candidates, strength)
        return {"weight": weight, "bias": bias}


def build(
    context: Context,
    *,
    backbone: Backbone,
    C: float | Literal["auto"] = "auto",
    transform: FeatureTransform = DEFAULT,
) -> nn.Module:
    """Build the logistic regression head.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        C: inverse penalty, or "auto": the best of `GRID` in cross-validation.
        transform: options `center`, `l2` and `tukey`, see `FeatureTransform`.

    Raises:
        ValueError: a C or a power that is not above 0.
    """
    head = Logistic(backbone.channels, len(context.task.classes), transform)
    head.strengths = strengths_of(C, GRID, name="C")
    return head

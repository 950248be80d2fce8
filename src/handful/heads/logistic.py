"""Multinomial logistic regression on frozen features, penalised by the squared length of its weights.

The strong simple control of few-shot work (Chen et al. 2019, https://arxiv.org/abs/1904.04232; Tian et al. 2020,
https://arxiv.org/abs/2003.11539). Scikit-learn's `C`, the inverse of the penalty, is chosen by cross-fitting on the
training images; with fewer than two images of a class it is the first of `GRID`. That one, and the temperature that
goes with it, were found on draws of CIFAR-10's training part.

With fewer images than features the weights lie in the span of the images, so the same solution is sought there.
"""

import warnings
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Float32, Int
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import nn

from handful.heads._fitted import strengths_of
from handful.heads._linear_scores import LinearScores
from handful.types import Backbone, Context

fitted = True
own_classes = True
GRID = (1.0, 0.1, 10.0, 100.0)


class Logistic(LinearScores):
    """Keeps `weight` and `bias`."""

    start = 0.08

    def learn(
        self, x: Float32[np.ndarray, "m c"], y: Int[np.ndarray, " m"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """Scikit-learn's solution, by L-BFGS."""
        basis: Any = np.linalg.qr(x.T)[0] if len(x) < x.shape[1] else None
        z = x if basis is None else x @ basis
        model = LogisticRegression(C=strength, max_iter=1000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # without a penalty to speak of, weights grow for ever
            model.fit(z, y)
        weight, bias = model.coef_ if basis is None else model.coef_ @ basis.T, model.intercept_
        if len(weight) == 1:
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        return {"weight": weight, "bias": bias}


def build(
    context: Context,
    *,
    backbone: Backbone,
    C: float | Literal["auto"] = "auto",
    centre: bool = True,
    l2: bool = True,
) -> nn.Module:
    """`C`: inverse penalty, or "auto"; `centre`: subtract the training images' mean; `l2`: features of length 1.

    Raises:
        ValueError: a C that is not above 0.
    """
    head = Logistic(backbone.channels, len(context.task.classes), centre=centre, l2=l2)
    head.strengths = strengths_of(C, GRID, name="C")
    return head

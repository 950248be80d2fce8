"""Ridge regression on frozen features, with targets +1 for the image's class and -1 for the others.

The closed-form head of Bertinetto et al. 2019 (https://arxiv.org/abs/1805.08136). The penalty is selected by
cross-validation on the training images; with fewer than two images of a class it is the first of `GRID`. Numbers are
regressed as they are, in units of their deviation. An image with candidates for its class has a share of each as its
target, which the regression before says; rounds and temperature of these were chosen on draws of CIFAR-100's training
images.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Float32, Int
from scipy.special import softmax
from sklearn.linear_model import Ridge as Regression
from torch import nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform
from handful.parts.heads._fitted import strengths_of
from handful.parts.heads._linear_scores import LinearScores
from handful.parts.heads._multilabel import constant_log_odds

fitted = True
own_classes = True
multilabel = True
number = True
soft_targets = True
candidates = True
ROUNDS, SHARING = 3, 0.72  # of candidates: how often their shares are made anew, and at which temperature
GRID = (1.0, 0.1, 0.3, 3.0, 10.0)


class Ridge(LinearScores):
    """Keeps `weight` and `bias`."""

    start = 0.09

    def learn(
        self, x: Float32[np.ndarray, "m c"], y: Int[np.ndarray, " m"] | Float32[np.ndarray, "m k"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """Scikit-learn's solution."""
        if y.ndim == 1:
            targets = 2 * np.eye(self.classes, dtype=np.float32)[y] - 1
            model = Regression(alpha=strength).fit(x, targets)
        else:
            weights = y.sum(axis=1)
            model = Regression(alpha=strength).fit(x, 2 * y / weights[:, None] - 1, sample_weight=weights)
        return {"weight": model.coef_, "bias": model.intercept_}

    def learn_candidates(
        self,
        x: Float32[np.ndarray, "m c"],
        targets: Float32[np.ndarray, "m k"],
        candidates: Float32[np.ndarray, "m k"],
        *,
        strength: float,
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """Regressions in rounds, the first on the labelled images alone.

        The target of an image with candidates is their probabilities in the round before, among them alone. At the
        head's own temperature, an eighth of `SHARING`, these shares are sharp, and held-out images less likely.
        """
        labelled, some = targets.any(axis=1), candidates.any(axis=1)
        learned, among = self.learn(x[labelled], targets[labelled], strength=strength), candidates[some]
        rows, known = np.concatenate([x[labelled], x[some]]), targets[labelled]
        for _ in range(ROUNDS):
            scores = (x[some] @ learned["weight"].T + learned["bias"]) / SHARING
            shares = softmax(np.where(among > 0, scores, -np.inf), axis=1) * among
            learned = self.learn(rows, np.concatenate([known, shares.astype(np.float32)]), strength=strength)
        return learned

    def learn_multilabel(
        self, x: Float32[np.ndarray, "m c"], targets: Float32[np.ndarray, "m k"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """A regression per class, with target +1 where it is present and -1 where it is absent.

        A class that is known in one way only has a weight of 0 and the bias of `binary_rows`.
        """
        weight, bias = _regressions(x, 2 * targets - 1, strength)
        for c, column in enumerate(targets.T):
            present, absent = int((column == 1).sum()), int((column == 0).sum())
            if not present or not absent:
                weight[c], bias[c] = 0, constant_log_odds(present, absent)
        return {"weight": weight, "bias": bias}

    def learn_numbers(
        self, x: Float32[np.ndarray, "m c"], targets: Float32[np.ndarray, "m k"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """A regression per quantity."""
        weight, bias = _regressions(x, targets, strength)
        return {"weight": weight, "bias": bias}


def _regressions(
    x: Float32[np.ndarray, "m c"], targets: Float32[np.ndarray, "m k"], strength: float
) -> tuple[Float32[np.ndarray, "k c"], Float32[np.ndarray, " k"]]:
    """Weight and bias of each column, fitted to the rows where it is known; 0 where no row is.

    Columns known in the same rows are solved together, since their system of equations is the same.
    """
    weight = np.zeros((targets.shape[1], x.shape[1]), dtype=np.float32)
    bias = np.zeros(targets.shape[1], dtype=np.float32)
    patterns, pattern_of = np.unique(~np.isnan(targets), axis=1, return_inverse=True)
    for i, known in enumerate(patterns.T):
        if known.any():
            columns = np.flatnonzero(pattern_of == i)
            model = Regression(alpha=strength).fit(x[known], targets[np.ix_(known, columns)])
            weight[columns], bias[columns] = model.coef_, model.intercept_
    return weight, bias


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

"""Cross-validated probabilities of each class by itself, for images with several labels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from handful.inspection.cross_validate_features import FEWEST, REPEATS, compress, repeated_folds


@dataclass(frozen=True, eq=False)
class LabelValidation:
    """Cross-validated predictions for the samples at `rows`, of the classes that can be judged.

    Attributes:
        rows: positions of the samples.
        targets: what is known of them: 1, 0 or NaN.
        probabilities: of each class, by a logistic regression that did not see the sample; NaN where its entry is
            unknown, and for a class with fewer than five images, or groups, that show it or that do not.
        nearer: whether the mean of the features of the images that show a class is nearer than that of the others,
            from the same folds: a second classifier.
    """

    rows: Int[np.ndarray, " m"]
    targets: Float32[np.ndarray, "m k"]
    probabilities: Float[np.ndarray, "m k"]
    nearer: Bool[np.ndarray, "m k"]

    @property
    def judged(self) -> Bool[np.ndarray, " k"]:
        """Which classes have probabilities."""
        return np.asarray(~np.isnan(self.probabilities).all(axis=0))


def cross_validate_labels(
    features: Float[np.ndarray, "n c"],
    targets: Float32[np.ndarray, "n k"],
    groups: Int[np.ndarray, " n"],
    rows: Int[np.ndarray, " m"],
    *,
    seed: int = 0,
) -> LabelValidation | None:
    """Cross-validate each class on the samples at `rows` of which its entry is known; None if none can be judged."""
    known = targets[rows]
    if len(rows) < 2 * FEWEST:
        return None
    x = compress(features[rows])
    probabilities = np.full(known.shape, np.nan)
    nearer = np.zeros(known.shape, dtype=bool)
    for c in range(known.shape[1]):
        at = np.flatnonzero(~np.isnan(known[:, c]))
        y = known[at, c] == 1
        sides = [len(np.unique(groups[rows[at[y == side]]])) for side in (True, False)]
        if min(sides) >= FEWEST:
            probabilities[at, c], nearer[at, c] = _validate(x[at], y, groups[rows[at]], seed)
    found = LabelValidation(rows, known, probabilities, nearer)
    return found if found.judged.any() else None


def _validate(
    x: Float[np.ndarray, "n d"], y: Bool[np.ndarray, " n"], groups: Int[np.ndarray, " n"], seed: int
) -> tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """The probability of one class, and whether its mean is nearer, for every image while it is held out."""
    from sklearn.linear_model import LogisticRegression  # seconds on a busy machine

    probability, votes = np.zeros(len(y)), np.zeros(len(y))
    for train, test in repeated_folds(y, groups, seed):
        if y[train].all() or not y[train].any():  # groups took one side whole
            probability[test] += y[train].mean() / REPEATS
            continue
        model = LogisticRegression(C=1.0, max_iter=300).fit(x[train], y[train])
        probability[test] += model.predict_proba(x[test])[:, 1] / REPEATS
        means = [x[train][y[train] == side].mean(axis=0) for side in (True, False)]
        near, far = (np.square(x[test] - mean).sum(axis=1) for mean in means)
        votes[test] += near < far
    return probability, votes > REPEATS / 2

"""Cross-validated class probabilities of every image: logistic regression on frozen features."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped

FOLDS, REPEATS = 5, 3  # probabilities are averaged over ways to cut the folds
LENGTH = 64  # principal components that are kept
FEWEST = 5  # images, or groups, of a class that can be cross-validated


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Cross-validated predictions of the samples at `rows`.

    Attributes:
        rows: positions of the samples.
        classes: the classes with enough images.
        labels: index of each sample's class in `classes`.
        probabilities: of each class in `classes`, from models that did not see the sample.
        nearest: index of the class with the nearest mean of features, from the same folds: a second classifier.
    """

    rows: Int[np.ndarray, " m"]
    classes: Int[np.ndarray, " j"]
    labels: Int[np.ndarray, " m"]
    probabilities: Float[np.ndarray, "m j"]
    nearest: Int[np.ndarray, " m"]

    @property
    def predictions(self) -> Int[np.ndarray, " m"]:
        """Most probable class of each, within `classes`."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @property
    def accuracy(self) -> float:
        """Share of correct predictions."""
        return float((self.predictions == self.labels).mean())

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall over the classes."""
        right = self.predictions == self.labels
        return float(np.mean([right[self.labels == c].mean() for c in range(len(self.classes))]))


def compress(features: Float[np.ndarray, "n c"], length: int = LENGTH) -> Float[np.ndarray, "n d"]:
    """First principal components of the standardized features, scaled so that the first has deviation 1."""
    from sklearn.decomposition import PCA  # seconds on a busy machine

    z = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    d = min(length, len(z) - 1, z.shape[1])
    components = PCA(d, svd_solver="randomized", random_state=0).fit_transform(z.astype(np.float64))
    return np.asarray(components / max(components[:, 0].std(), 1e-12))


def cross_validate(
    features: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    rows: Int[np.ndarray, " m"],
    *,
    classes: int,
    seed: int = 0,
) -> CrossValidation | None:
    """Cross-validate on the samples at `rows` with groups kept together; None with fewer than two usable classes.

    A class with fewer than five images, or groups, is left out. Components are found without labels, over all rows.
    """
    from sklearn.linear_model import LogisticRegression

    enough = [
        c for c in range(classes) if len(np.unique(groups[rows[labels[rows] == c]])) >= FEWEST
    ]  # a group of its own per image where none is given
    if len(enough) < 2:
        return None
    rows = rows[np.isin(labels[rows], enough)]
    x = compress(features[rows])
    y = np.searchsorted(enough, labels[rows])
    tied = groups[rows]
    probabilities = np.zeros((len(rows), len(enough)))
    votes = np.zeros((len(rows), len(enough)))
    for train, test in repeated_folds(y, tied, seed):
        known = np.unique(y[train])
        model = LogisticRegression(C=1.0, max_iter=300).fit(x[train], y[train])
        probabilities[np.ix_(test, known)] += model.predict_proba(x[test]) / REPEATS
        votes[test, known[_nearest_mean(x[train], y[train], x[test])]] += 1
    nearest = votes.argmax(axis=1).astype(np.int64)
    return CrossValidation(rows, np.array(enough, dtype=np.int64), y.astype(np.int64), probabilities, nearest)


def repeated_folds(
    y: Shaped[np.ndarray, " n"], groups: Int[np.ndarray, " n"], seed: int
) -> Iterator[tuple[Int[np.ndarray, " a"], Int[np.ndarray, " b"]]]:
    """Positions to learn from and to predict, of all folds of all repeats; stratified, with groups kept together."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    for repeat in range(REPEATS):
        options = {"n_splits": FOLDS, "shuffle": True, "random_state": seed + repeat}
        if len(np.unique(groups)) == len(groups):
            yield from StratifiedKFold(**options).split(y, y)
        else:
            yield from StratifiedGroupKFold(**options).split(y, y, groups)


def _nearest_mean(
    x: Float[np.ndarray, "n d"], y: Int[np.ndarray, " n"], z: Float[np.ndarray, "m d"]
) -> Int[np.ndarray, " m"]:
    """Position, among the classes in `y` in order, of the nearest mean."""
    means = np.stack([x[y == c].mean(axis=0) for c in np.unique(y)])
    return np.asarray((np.square(means).sum(axis=1) - 2 * z @ means.T).argmin(axis=1))

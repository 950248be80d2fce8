"""Class probabilities of every image from a model that did not see it: logistic regression on frozen features."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

FOLDS, REPEATS = 5, 3  # probabilities are averaged over ways to cut the folds
LENGTH = 64  # principal components that are kept
FEWEST = 5  # images, or groups, of a class that can be judged


@dataclass(frozen=True, eq=False)
class CrossFit:
    """`rows`: positions of the samples that were judged. `labels` count within `classes`, the classes judged.

    `nearest` is the class of the nearest mean of features, from the same folds: another classifier to compare with.
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
        """Share predicted right."""
        return float((self.predictions == self.labels).mean())

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall over the classes."""
        right = self.predictions == self.labels
        return float(np.mean([right[self.labels == c].mean() for c in range(len(self.classes))]))


def compress(features: Float[np.ndarray, "n c"], length: int = LENGTH) -> Float[np.ndarray, "n d"]:
    """Standardised features turned onto their first principal components, the first with deviation 1."""
    z = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    d = min(length, len(z) - 1, z.shape[1])
    turned = PCA(d, svd_solver="randomized", random_state=0).fit_transform(z.astype(np.float64))
    return np.asarray(turned / max(turned[:, 0].std(), 1e-12))


def cross_fit(
    features: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    rows: Int[np.ndarray, " m"],
    *,
    classes: int,
    seed: int = 0,
) -> CrossFit | None:
    """Judge the samples at `rows`; groups stay on one side. None: fewer than two classes have enough images.

    A class with fewer than five images, or groups, is left out. Components are found without labels, over all rows.
    """
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
    for repeat in range(REPEATS):
        options = {"n_splits": FOLDS, "shuffle": True, "random_state": seed + repeat}
        if len(np.unique(tied)) == len(tied):
            folds = StratifiedKFold(**options).split(x, y)
        else:
            folds = StratifiedGroupKFold(**options).split(x, y, tied)
        for train, held in folds:
            known = np.unique(y[train])
            model = LogisticRegression(C=1.0, max_iter=300).fit(x[train], y[train])
            probabilities[np.ix_(held, known)] += model.predict_proba(x[held]) / REPEATS
            votes[held, known[_nearest_mean(x[train], y[train], x[held])]] += 1
    nearest = votes.argmax(axis=1).astype(np.int64)
    return CrossFit(rows, np.array(enough, dtype=np.int64), y.astype(np.int64), probabilities, nearest)


def _nearest_mean(
    x: Float[np.ndarray, "n d"], y: Int[np.ndarray, " n"], z: Float[np.ndarray, "m d"]
) -> Int[np.ndarray, " m"]:
    """Position, among the classes in `y` in order, of the nearest mean."""
    means = np.stack([x[y == c].mean(axis=0) for c in np.unique(y)])
    return np.asarray((np.square(means).sum(axis=1) - 2 * z @ means.T).argmin(axis=1))

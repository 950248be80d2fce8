"""Cross-fitted nearest-neighbor votes on a few numbers per image; neighbors do not depend on labels.

So that the vote can be repeated with shuffled labels at the price of a look-up.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

FOLDS = 10


def cross_fitted_neighbors(
    x: Float[np.ndarray, "n d"], groups: Int[np.ndarray, " n"], k: int, rng: np.random.Generator
) -> Int[np.ndarray, "n k"]:
    """The `k` nearest of each among the other folds' images; groups stay together.

    Columns are brought to rank-free scale by their deviation, and equal values are parted by chance: in a sorted
    table the next row would else be of the same class.
    """
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)
    x = x + rng.normal(scale=1e-6, size=x.shape)
    members = np.unique(groups, return_inverse=True)[1]
    fold = (rng.permutation(members.max() + 1) % FOLDS)[members]
    neighbors = np.zeros((len(x), k), np.int64)
    for f in np.unique(fold):
        rest = np.flatnonzero(fold != f)
        test = np.flatnonzero(fold == f)
        _, at = cKDTree(x[rest]).query(x[test], k=min(k, len(rest)))
        at = np.asarray(at).reshape(len(test), -1)
        neighbors[test] = rest[np.resize(at.T, (k, len(test))).T] if at.shape[1] < k else rest[at]
    return neighbors


def weighted_vote(near: Int[np.ndarray, "n k"], labels: Int[np.ndarray, " n"], classes: int) -> Int[np.ndarray, " n"]:
    """The class with most of the votes, each divided by its class's number of images."""
    weight = 1 / np.maximum(np.bincount(labels, minlength=classes), 1)
    votes = np.zeros((len(near), classes))
    rows = np.arange(len(near))
    for column in near.T:
        votes[rows, labels[column]] += weight[labels[column]]
    return np.asarray(votes.argmax(axis=1))

"""Cross-fitting inside the training images: scores of each image by heads that were fitted without it."""

from collections.abc import Callable
from math import exp, log

import numpy as np
from jaxtyping import Float, Float32, Int
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.model_selection import StratifiedKFold

FOLDS = 5
MANY = 1000  # images, from which on three folds do
RANGE = 1e4  # the temperature lies within this factor of its default

FitAndScore = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def held_out(
    fit_and_score: FitAndScore,
    x: Float32[np.ndarray, "n v c"],
    y: Int[np.ndarray, " n"],
    *,
    classes: int,
    seed: int,
) -> Float[np.ndarray, "m k"]:
    """Scores of the m labelled images' plain views, each by a head fitted to the other folds' images in all views.

    Images without a label are in every fold's fit, and those held out are not in it at all. Each class has two
    images or more.
    """
    views = x.shape[1]
    labelled, unlabelled = np.flatnonzero(y >= 0), np.flatnonzero(y < 0)
    known = y[labelled]
    folds = min(FOLDS if len(known) < MANY else 3, int(np.bincount(known).min()))
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32)
    scores = np.zeros((len(labelled), classes))
    for train, test in splitter.split(known, known):
        fitted = np.concatenate([labelled[train], unlabelled])
        flat = x[fitted].reshape(len(fitted) * views, -1)
        scores[test] = fit_and_score(flat, np.repeat(y[fitted], views), x[labelled[test], 0])
    return scores


def best_temperature(
    scores: Float[np.ndarray, "n k"], y: Int[np.ndarray, " n"], *, start: float
) -> tuple[float, float]:
    """The temperature that makes the labels likeliest, and the mean loss under it.

    As Platt (1999), no label is taken to be certain: of n images the true class counts (n + 1) / (n + 2). Otherwise a
    handful that are all predicted right would ask for a temperature of 0.
    """
    n, k = scores.shape
    sure = (n + 1) / (n + 2)
    targets = np.full((n, k), (1 - sure) / max(1, k - 1))
    targets[np.arange(n), y] = sure

    def loss(logarithm: float) -> float:
        return float(-(targets * log_softmax(scores / exp(logarithm), axis=1)).sum(axis=1).mean())

    bounds = (log(start / RANGE), log(start * RANGE))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    return exp(float(found.x)), float(found.fun)

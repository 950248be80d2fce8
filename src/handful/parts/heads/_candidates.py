"""Multinomial logistic regression on images of which some have several candidate classes in place of a label.

The loss of such an image is -log of the summed probabilities of its candidates (Jin and Ghahramani 2002, "Learning with
Multiple Labels", whose EM climbs the same likelihood). It is not convex, so the minimum is sought from the regression
on the labelled images alone. Strength and temperature are those of least log loss for labelled images in
cross-validation over these; the images with candidates are in the fit of every fold. That takes two labelled images of
each class; with fewer the defaults apply.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int
from scipy.optimize import minimize
from scipy.special import logsumexp

from handful.parts.heads._held_out_scores import FitAndScore, folds_by_class, likeliest_strength, scores_by_fold

Weights = tuple[Float[np.ndarray, "k c"], Float[np.ndarray, " k"]]
STEPS = 300  # of L-BFGS, at most


def regression_on_candidates(
    x: Float32[np.ndarray, "m c"],
    targets: Float32[np.ndarray, "m k"],
    candidates: Float32[np.ndarray, "m k"],
    strength: float,
) -> Weights:
    """Weight and bias of each class, with scikit-learn's L2 penalty.

    Args:
        x: features.
        targets: class probabilities times the image's weight; rows of zeros where there is no label.
        candidates: the image's weight at each class that it may show; rows of zeros where there is a label.
        strength: scikit-learn's C.
    """
    basis: Any = np.linalg.qr(x.T)[0] if len(x) < x.shape[1] else None
    z = x if basis is None else x @ basis
    labelled = targets.any(axis=1)
    k, c = targets.shape[1], z.shape[1]
    start = _minimum(z[labelled], targets[labelled], candidates[labelled], strength, np.zeros((k, c + 1)))
    found = _minimum(z, targets, candidates, strength, start)
    weight, bias = found[:, :-1], found[:, -1]
    return weight if basis is None else weight @ basis.T, bias


def _minimum(
    z: Float32[np.ndarray, "m c"],
    targets: Float32[np.ndarray, "m k"],
    candidates: Float32[np.ndarray, "m k"],
    strength: float,
    start: Float[np.ndarray, "k c1"],
) -> Float[np.ndarray, "k c1"]:
    """Weights and biases by L-BFGS from `start`, the biases in the last column."""
    total = float(targets.sum() + candidates.max(axis=1, initial=0).sum())
    # Two classes have one weight vector in scikit-learn, whose halves these are: the same penalty is twice as large.
    penalty = (2 if len(start) == 2 else 1) / (strength * total)
    weights = targets.sum(axis=1) + candidates.max(axis=1, initial=0)
    some = np.flatnonzero(candidates.any(axis=1))
    among = candidates[some] > 0

    def loss(flat: Float[np.ndarray, " p"]) -> tuple[float, Float[np.ndarray, " p"]]:
        w = flat.reshape(start.shape)
        scores = (z @ w[:, :-1].T.astype(np.float32)).astype(np.float64) + w[:, -1]
        scores -= logsumexp(scores, axis=1, keepdims=True)
        wanted = targets.astype(np.float64)
        value = -float((wanted * scores).sum())
        if len(some):
            inside = np.where(among, scores[some], -np.inf)
            sums = logsumexp(inside, axis=1, keepdims=True)
            value -= float((weights[some] * sums[:, 0]).sum())
            wanted[some] = weights[some, None] * np.exp(inside - sums)
        slope = (weights[:, None] * np.exp(scores) - wanted) / total
        own = np.concatenate([slope.astype(np.float32).T @ z, slope.sum(axis=0)[:, None]], axis=1)
        own[:, :-1] += penalty * w[:, :-1]
        return value / total + penalty * float((w[:, :-1] ** 2).sum()) / 2, own.ravel()

    options = {"maxiter": STEPS, "gtol": 1e-4, "ftol": 64 * np.finfo(float).eps}
    untyped: Any = minimize  # its stubs know no function that gives value and gradient of float arrays of any kind
    found = untyped(loss, start.ravel(), jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x).reshape(start.shape)


def choose_strength_on_candidates(
    fit_and_score: Callable[[float], FitAndScore],
    strengths: Sequence[float],
    x: Float32[np.ndarray, "n v c"],
    targets: Float32[np.ndarray, "n k"],
    candidates: Float32[np.ndarray, "n k"],
    labels: Int[np.ndarray, " n"],
    *,
    start: float,
    bounds: tuple[float, float],
    seed: int,
) -> tuple[float, float]:
    """Strength and temperature under which held-out labelled images are likeliest.

    Args:
        fit_and_score: of a strength, what fits a head and scores images with it.
        strengths: to select from; the first is the default.
        x: features of v views of each image, the plain one first.
        targets: as for `regression_on_candidates`.
        candidates: as for `regression_on_candidates`.
        labels: -1 without one.
        start: default temperature.
        bounds: lowest and highest temperature.
        seed: of the folds.
    """
    known, classes = labels[labels >= 0], targets.shape[1]
    if np.bincount(known, minlength=classes).min() < 2:
        return strengths[0], start
    fold, folds = folds_by_class(labels, seed)

    def scores_of(strength: float, each: Callable[[], None]) -> Float[np.ndarray, "m k"]:
        run = fit_and_score(strength)
        scores = scores_by_fold(run, x, targets, candidates, fold=fold, folds=folds, classes=classes, each=each)
        return scores[labels >= 0]

    return likeliest_strength(scores_of, strengths, known, folds=folds, bounds=bounds)


def in_all_views(
    x: Float32[np.ndarray, "n v c"], targets: Float32[np.ndarray, "n k"], candidates: Float32[np.ndarray, "n k"]
) -> tuple[Float32[np.ndarray, "m c"], Float32[np.ndarray, "m k"], Float32[np.ndarray, "m k"]]:
    """A row for each view of each image: features, targets and candidates."""
    n, views, c = x.shape
    return x.reshape(n * views, c), np.repeat(targets, views, axis=0), np.repeat(candidates, views, axis=0)

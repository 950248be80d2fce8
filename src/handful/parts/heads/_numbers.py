"""Fitted heads for numbers: the strength of regularization of least squared error in cross-validation."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float32

from handful.parts.heads._held_out_scores import FitAndScore, most_folds, scores_by_fold, strength_of_least_loss


def choose_strength_of_numbers(
    fit_and_score: Callable[[float], FitAndScore],
    strengths: Sequence[float],
    x: Float32[np.ndarray, "n v c"],
    targets: Float32[np.ndarray, "n k"],
    *,
    seed: int,
) -> float:
    """The strength of least squared error on held-out images; the first where images are too few to hold some out.

    Args:
        fit_and_score: of a strength, what fits a head and predicts the numbers of images with it.
        strengths: to select from; the first is the default.
        x: features of v views of each image, the plain one first.
        targets: in units of their deviation; NaN where not known.
        seed: of the folds.
    """
    folds = most_folds(len(targets), int((~np.isnan(targets)).sum(axis=0).min()))
    if folds < 2 or len(strengths) < 2:
        return strengths[0]
    fold = folds_by_rank(targets[:, 0], folds, seed)

    def error(strength: float, each: Callable[[], None]) -> tuple[float, None]:
        run = fit_and_score(strength)
        scores = scores_by_fold(run, x, targets, fold=fold, folds=folds, classes=targets.shape[1], each=each)
        return float(np.nanmean((scores - targets) ** 2)), None

    return strength_of_least_loss(error, strengths, folds=folds)[0]


def folds_by_rank(values: Float32[np.ndarray, " n"], folds: int, seed: int) -> np.ndarray:
    """The fold of each image: of every `folds` neighbors in rank, one is in each."""
    rng = np.random.default_rng(seed)
    order = np.argsort(values, kind="stable")
    fold = np.empty(len(values), dtype=np.int64)
    for start in range(0, len(values), folds):
        block = order[start : start + folds]
        fold[block] = rng.permutation(folds)[: len(block)]
    return fold

"""Fitted heads for images with several labels: a classifier per class over the entries of it that are known.

The strength of regularization, and the temperature and offset that turn scores into log-odds (Platt's scaling, one pair
for all classes), are those of least binary log loss in cross-validation over the training images, cut by iterative
stratification. That takes two images that show each class, and two that do not; with fewer the defaults apply.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from handful.data.stratification import iterative_stratification
from handful.models.platt_scaling import fit_platt
from handful.parts.heads._held_out_scores import FitAndScore, most_folds, scores_by_fold, strength_of_least_loss

# A binary classifier's weight and bias from features and whether each image shows the class.
FitBinary = Callable[[Float32[np.ndarray, "m c"], Bool[np.ndarray, " m"]], tuple[Float[np.ndarray, " c"], float]]


def choose_strength(
    fit_and_score: Callable[[float], FitAndScore],
    strengths: Sequence[float],
    x: Float32[np.ndarray, "n v c"],
    targets: Float32[np.ndarray, "n k"],
    *,
    start: float,
    seed: int,
) -> tuple[float, float, float]:
    """Strength, temperature and offset under which the known entries of held-out training images are likeliest.

    Args:
        fit_and_score: of a strength, what fits a head and scores images with it.
        strengths: to select from; the first is the default.
        x: features of v views of each image, the plain one first.
        targets: 1, 0 or NaN.
        start: default temperature.
        seed: of the folds.
    """
    folds = number_of_folds(targets)
    if folds < 2:
        return strengths[0], start, 0.0
    fold = stratified_folds(targets, folds, seed)
    known = ~np.isnan(targets)

    def calibrate(strength: float, each: Callable[[], None]) -> tuple[float, tuple[float, float]]:
        run = fit_and_score(strength)
        scores = scores_by_fold(run, x, targets, fold=fold, folds=folds, classes=targets.shape[1], each=each)
        temperature, offset, loss = fit_platt(scores[known], targets[known] == 1, start=start)
        return loss, (temperature, offset)

    strength, (temperature, offset) = strength_of_least_loss(calibrate, strengths, folds=folds)
    return strength, temperature, offset


def number_of_folds(targets: Float32[np.ndarray, "n k"]) -> int:
    """Number of folds: each class present, and absent, in as many images at least."""
    fewest = int(min((targets == 1).sum(axis=0).min(), (targets == 0).sum(axis=0).min()))
    return most_folds(len(targets), fewest)


def stratified_folds(targets: Float32[np.ndarray, "n k"], folds: int, seed: int) -> Int[np.ndarray, " n"]:
    """The fold of each image, by iterative stratification."""
    names = [str(i) for i in range(len(targets))]
    return iterative_stratification(targets, names, [1 / folds] * folds, seed % 2**32)


def binary_rows(
    fit: FitBinary, x: Float32[np.ndarray, "m c"], targets: Float32[np.ndarray, "m k"]
) -> tuple[Float32[np.ndarray, "k c"], Float32[np.ndarray, " k"]]:
    """Weight and bias of a linear classifier per class, fitted to the images of which its entry is known.

    A class that is known in one way only has a weight of 0, and the log-odds of its share, with half an image of either
    kind added, as bias.
    """
    weights = np.zeros((targets.shape[1], x.shape[1]), dtype=np.float32)
    biases = np.zeros(targets.shape[1], dtype=np.float32)
    for c, column in enumerate(targets.T):
        known = ~np.isnan(column)
        present = column[known] == 1
        if present.all() or not present.any():
            biases[c] = constant_log_odds(int(present.sum()), int((~present).sum()))
        else:
            weights[c], biases[c] = fit(x[known], present)
    return weights, biases


def constant_log_odds(present: int, absent: int) -> float:
    """Log-odds of a class from the number of images that show it and that do not, half an image added to either."""
    return float(np.log((present + 0.5) / (absent + 0.5)))

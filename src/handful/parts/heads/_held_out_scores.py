"""Held-out scores of the training images, by cross-validation (cross-fitting)."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Float32, Int
from sklearn.model_selection import StratifiedKFold

from handful.core.progress import Progress
from handful.models.temperature_scaling import fit_temperature

FOLDS = 5
MANY = 1000  # images, from which on three folds are enough

# Features and targets to fit to, and features to score.
FitAndScore = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
Calibration = TypeVar("Calibration")  # what is fitted to held-out scores


def held_out_scores(
    fit_and_score: FitAndScore,
    x: Float32[np.ndarray, "n v c"],
    y: Int[np.ndarray, " n"],
    *,
    classes: int,
    seed: int,
    each: Callable[[], None],
) -> Float[np.ndarray, "m k"]:
    """Scores of the m labelled images' plain views, each by a head fitted to the other folds' images in all views.

    Images without a label are in every fold's fit, and those held out are not in it at all. Each class has two
    images or more. `each` is called after each fold.
    """
    views = x.shape[1]
    labelled, unlabelled = np.flatnonzero(y >= 0), np.flatnonzero(y < 0)
    known = y[labelled]
    splitter = StratifiedKFold(number_of_folds(known), shuffle=True, random_state=seed % 2**32)
    scores = np.zeros((len(labelled), classes))
    for train, test in splitter.split(known, known):
        fitted = np.concatenate([labelled[train], unlabelled])
        flat = x[fitted].reshape(len(fitted) * views, -1)
        scores[test] = fit_and_score(flat, np.repeat(y[fitted], views), x[labelled[test], 0])
        each()
    return scores


def number_of_folds(known: Int[np.ndarray, " m"]) -> int:
    """Number of folds for these labels."""
    return most_folds(len(known), int(np.bincount(known).min()))


def most_folds(images: int, fewest: int) -> int:
    """Number of folds for so many images, of which `fewest` are the fewest that every fold needs one of."""
    return min(FOLDS if images < MANY else 3, fewest)


def scores_by_fold(
    fit_and_score: FitAndScore,
    x: Float32[np.ndarray, "n v c"],
    targets: Float32[np.ndarray, "n k"],
    fold: Int[np.ndarray, " n"],
    *,
    folds: int,
    each: Callable[[], None],
) -> Float[np.ndarray, "n k"]:
    """Scores of the images' plain views, each by a head fitted to the other folds' images in all views.

    Args:
        fit_and_score: fits a head and scores images with it.
        x: features of v views of each image, the plain one first.
        targets: of the images.
        fold: number of each image's fold.
        folds: how many there are; one may be empty.
        each: called after each fold.
    """
    views = x.shape[1]
    scores = np.zeros(targets.shape)
    for i in range(folds):
        train, test = fold != i, fold == i
        flat = x[train].reshape(int(train.sum()) * views, -1)
        if test.any():
            scores[test] = fit_and_score(flat, np.repeat(targets[train], views, axis=0), x[test, 0])
        each()
    return scores


def strength_of_least_loss(
    calibrate: Callable[[float, Callable[[], None]], tuple[float, Calibration]],
    strengths: Sequence[float],
    *,
    folds: int,
) -> tuple[float, Calibration]:
    """The strength of regularization under which held-out images have the least loss, and what was calibrated on them.

    Args:
        calibrate: the held-out loss at a strength, and what comes with it (a temperature); it calls its second argument
            after each fold.
        strengths: to select from; of equal losses the first is taken.
        folds: how many there are, for the progress bar.
    """
    tried: list[tuple[float, float, Calibration]] = []
    with Progress(len(strengths) * folds, "choosing the regularization", shown=None, loss=False, unit="fits") as bar:
        for strength in strengths:
            loss, calibrated = calibrate(strength, bar.advance)
            tried.append((loss, strength, calibrated))
    _, strength, calibrated = min(tried, key=lambda one: one[0])
    return strength, calibrated


def likeliest_strength(
    scores_of: Callable[[float, Callable[[], None]], Float[np.ndarray, "n k"]],
    strengths: Sequence[float],
    targets: Int[np.ndarray, " n"] | Float32[np.ndarray, "n k"],
    *,
    folds: int,
    bounds: tuple[float, float],
) -> tuple[float, float]:
    """Strength and temperature under which the targets of held-out images are likeliest.

    Args:
        scores_of: held-out scores of the images at a strength; it calls its second argument after each fold.
        strengths: to select from.
        targets: labels of the images, or class probabilities times the weight of the image.
        folds: how many there are, for the progress bar.
        bounds: lowest and highest temperature.
    """

    def calibrate(strength: float, each: Callable[[], None]) -> tuple[float, float]:
        temperature, loss = fit_temperature(scores_of(strength, each), targets, bounds=bounds, tolerance=1e-3)
        return loss, temperature

    return strength_of_least_loss(calibrate, strengths, folds=folds)

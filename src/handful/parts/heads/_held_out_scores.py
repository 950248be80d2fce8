"""Held-out scores of the training images, by cross-validation (cross-fitting)."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Float32, Int, Shaped
from sklearn.model_selection import StratifiedKFold

from handful.core.progress import Progress
from handful.models.temperature_scaling import fit_temperature

FOLDS = 5
MANY = 1000  # images, from which on three folds are enough

# Features and what is known of them to fit to (targets, or targets and candidates), and features to score.
FitAndScore = Callable[..., np.ndarray]
Calibration = TypeVar("Calibration")  # what is fitted to held-out scores


def number_of_folds(known: Int[np.ndarray, " m"]) -> int:
    """Number of folds for these labels."""
    return most_folds(len(known), int(np.bincount(known).min()))


def most_folds(images: int, fewest: int) -> int:
    """Number of folds for so many images, of which `fewest` are the fewest that every fold needs one of."""
    return min(FOLDS if images < MANY else 3, fewest)


def folds_by_class(labels: Int[np.ndarray, " n"], seed: int) -> tuple[Int[np.ndarray, " n"], int]:
    """The fold of each image, stratified by class, and their number; -1 where the label is -1, in no fold.

    Each class has two images or more.
    """
    labelled = np.flatnonzero(labels >= 0)
    known, fold = labels[labelled], np.full(len(labels), -1)
    folds = number_of_folds(known)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32)
    for i, (_, test) in enumerate(splitter.split(known, known)):
        fold[labelled[test]] = i
    return fold, folds


def scores_by_fold(
    fit_and_score: FitAndScore,
    x: Float32[np.ndarray, "n v c"],
    *known: Shaped[np.ndarray, "n ..."],
    fold: Int[np.ndarray, " n"],
    folds: int,
    classes: int,
    each: Callable[[], None],
) -> Float[np.ndarray, "n k"]:
    """Scores of the images' plain views, each by a head fitted to the other folds' images in all views.

    Args:
        fit_and_score: fits a head and scores images with it.
        x: features of v views of each image, the plain one first.
        known: what is known of the images, one array or several: labels, targets, candidates.
        fold: number of each image's fold; -1: it is in every fit, and its scores are 0.
        folds: how many there are; one may be empty.
        classes: number of scores.
        each: called after each fold.
    """
    views, always = x.shape[1], np.flatnonzero(fold < 0)
    scores = np.zeros((len(x), classes))
    for i in range(folds):
        train, test = np.concatenate([np.flatnonzero((fold >= 0) & (fold != i)), always]), fold == i
        flat = x[train].reshape(len(train) * views, -1)
        if test.any():
            told = (np.repeat(values[train], views, axis=0) for values in known)
            scores[test] = fit_and_score(flat, *told, x[test, 0])
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

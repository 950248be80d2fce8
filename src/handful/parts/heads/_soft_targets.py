"""Fitted heads on class probabilities and weights of images: targets [n k] whose rows sum to the image's weight.

A row counts as k images, one of each class, weighted by its entries; so the loss of an image is its weight times the
cross-entropy with its probabilities. Strength and temperature are those of least loss in cross-validation over the
training images, stratified by label. That takes two images of each class; with fewer the defaults apply.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Float32, Int

from handful.parts.heads._held_out_scores import FitAndScore, folds_by_class, likeliest_strength, scores_by_fold

LEAST = 1e-6  # of the target of an image's label, so that every class has images in every fold


def with_least(targets: Float32[np.ndarray, "n k"], labels: Int[np.ndarray, " n"]) -> Float32[np.ndarray, "n k"]:
    """The targets, with at least `LEAST` for the label of each image."""
    rows, result = np.arange(len(labels)), targets.copy()
    result[rows, labels] = np.maximum(result[rows, labels], LEAST)
    return result


def choose_strength_of_targets(
    fit_and_score: Callable[[float], FitAndScore],
    strengths: Sequence[float],
    x: Float32[np.ndarray, "n v c"],
    targets: Float32[np.ndarray, "n k"],
    labels: Int[np.ndarray, " n"],
    *,
    start: float,
    bounds: tuple[float, float],
    seed: int,
) -> tuple[float, float]:
    """Strength and temperature under which the targets of held-out training images are likeliest.

    Args:
        fit_and_score: of a strength, what fits a head and scores images with it.
        strengths: to select from; the first is the default.
        x: features of v views of each image, the plain one first.
        targets: class probabilities, times the weight of the image.
        labels: by which the folds are stratified.
        start: default temperature.
        bounds: lowest and highest temperature.
        seed: of the folds.
    """
    if np.bincount(labels, minlength=targets.shape[1]).min() < 2:
        return strengths[0], start
    fold, folds = folds_by_class(labels, seed)
    classes = targets.shape[1]

    def scores_of(strength: float, each: Callable[[], None]) -> Float[np.ndarray, "n k"]:
        run = fit_and_score(strength)
        return scores_by_fold(run, x, targets, fold=fold, folds=folds, classes=classes, each=each)

    return likeliest_strength(scores_of, strengths, targets, folds=folds, bounds=bounds)

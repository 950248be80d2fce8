"""Weights of an ensemble from cross-validation inside the training data: no test image is looked at."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from jaxtyping import Float, Int

from handful.data.splits import folds as cut
from handful.errors import TrainingError
from handful.types import Dataset, Fit, Recipe, Sample

MOST = 4096  # combinations of weights that are tried


def cross_fitted(
    plans: Sequence[tuple[Recipe, int]], data: Dataset, fit: Fit, *, folds: int, grid: Sequence[float], seed: int
) -> tuple[float, ...]:
    """The weights under which members trained on the other folds predict the held-out images best.

    Each plan (recipe, seed) is trained again for each fold, so this takes `folds` times the members' training.

    Raises:
        DataError: a class has fewer images or groups than folds.
        TrainingError: too many combinations of weights.
    """
    refuse_many(len(plans), grid)
    data = replace(data, samples=tuple(replace(fresh(s), split=None) for s in data.samples))
    labels, found = [], []
    for train, held in cut(data, folds, seed):
        bare = replace(held, samples=tuple(replace(s, label=None, mask=None, mask_source=None) for s in held.samples))
        found.append(np.stack([fit(recipe, train, own).probabilities(bare) for recipe, own in plans]))
        labels.append(held.labels)
    return best_weights(np.concatenate(found, axis=1), np.concatenate(labels), grid)


def fresh(sample: Sample) -> Sample:
    """The sample without a mask that was propagated: that one was learnt from images which may now be held out."""
    return replace(sample, mask=None, mask_source=None) if sample.mask_source == "propagated" else sample


def best_weights(
    probabilities: Float[np.ndarray, "m n k"], labels: Int[np.ndarray, " n"], grid: Sequence[float]
) -> tuple[float, ...]:
    """The combination of `grid` values, one per member, with the least log loss; equal ones win a tie.

    The log loss and not the accuracy: with a handful of images most combinations classify the same ones right.
    """
    own = probabilities[:, np.arange(len(labels)), labels].astype(np.float64)
    best: tuple[float, tuple[float, ...]] | None = None
    for weights in sorted(product(grid, repeat=len(own)), key=lambda w: (len(set(w)), w)):
        if sum(weights) <= 0:
            continue
        mean = np.asarray(weights) @ own / sum(weights)
        loss = float(-np.log(mean.clip(1e-12)).mean())
        if best is None or loss < best[0] - 1e-9:
            best = loss, weights
    assert best is not None, "the grid holds a positive weight"
    return best[1]


def refuse_many(members: int, grid: Sequence[float]) -> None:
    """Refuse a search over too many combinations.

    Raises:
        TrainingError: names the numbers.
    """
    if len(grid) ** members > MOST:
        raise TrainingError(
            f"{len(grid)} weights for {members} members are more than {MOST} combinations",
            where="posthoc/ensemble",
            remedy="give the weights, e.g. weights = [3, 1, 1], or a shorter grid.",
        )

"""Default protocol of a comparison: cross-validation or repeated draws, whichever the data and the options call for."""

from collections.abc import Sequence

import numpy as np

from handful.core.dataset import Dataset
from handful.data import splits
from handful.evaluation.protocol import Protocol, ScoreOn

DRAWS = 5


def default_protocol(
    data: Dataset,
    *,
    per_class: Sequence[int | None] = (None,),
    draws: int | None = None,
    first_draw: int = 0,
    folds: int | None = None,
    score_on: ScoreOn = "test",
) -> Protocol:
    """The protocol of a comparison, for `compare`.

    Args:
        data: all images, with a test part of its own or without.
        per_class: numbers of labelled images per class; with a number, there are no folds by default.
        draws: number of repeated draws; None: one with folds, else five.
        first_draw: number of the first draw.
        folds: number of cross-validation folds; None: as `default_folds` where all images are used.
        score_on: the images to score on.
    """
    if folds is None and score_on != "val" and all(m is None for m in per_class):
        folds = default_folds(data)
    count = draws or (DRAWS if folds is None else 1)
    return Protocol(tuple(range(first_draw, first_draw + count)), None, folds, score_on)


def default_folds(data: Dataset) -> int | None:
    """Folds for a data set that brings no test part: 5, or as many as its smallest class allows; else None.

    Of numbers: as many as there are images, or groups, with a quantity known.
    """
    if len(data.split("test")):
        return None
    pool = splits.training_split(data)
    targets = pool.targets()
    shown = ~np.isnan(targets) if data.kind == "number" else targets == 1
    names = [s.group or f"id:{s.id}" for s in pool.samples]
    each = [{name for name, there in zip(names, column, strict=True) if there} for column in shown.T]
    return max(2, min(5, *map(len, each)))

"""Experimental design of a result: what its runs repeat (draws, folds or seeds), and how balanced its classes are."""

from typing import Literal

import numpy as np
from jaxtyping import Float

from handful.core.result import Result, Run
from handful.evaluation.metrics import uneven

Design = Literal["draws", "seeds", "re-split", "one run"]


def by_draw(result: Result) -> dict[int, list[Run]]:
    """The runs of each draw: its folds, or one."""
    draws: dict[int, list[Run]] = {}
    for run in result.runs:
        draws.setdefault(run.draw, []).append(run)
    return draws


def design(result: Result) -> Design:
    """What was repeated, seen from which images each run trained on and was scored on."""
    if len(result.runs) == 1:
        return "one run"
    if len({frozenset(r.ids) for r in result.runs}) > 1:
        return "re-split"
    return "draws" if len({frozenset(r.train_ids) for r in result.runs}) > 1 else "seeds"


def overlap(result: Result) -> float:
    """The correction of `mean_interval` for runs whose training and test images are re-split; else 0.

    Nadeau and Bengio take n_test / n_train, for a small test set beside training sets that are nearly the same. With
    a few images drawn from a large pool it is the other way round: training sets hardly overlap and the scored
    images are nearly the same. There the overlap of two training sets, n_train / n_test, takes its place.
    """
    if design(result) != "re-split":
        return 0.0
    n_train = float(np.mean([len(r.train_ids) for r in result.runs]))
    n_test = float(np.mean([len(r.ids) for r in result.runs]))
    return min(n_test / n_train, n_train / n_test)


def training_counts(result: Result) -> Float[np.ndarray, "draws k"] | None:
    """Training images of each class in each draw, folds averaged; None where the log did not keep them."""
    draws = [[r.counts for r in runs if r.counts is not None] for runs in by_draw(result).values()]
    if sum(map(len, draws)) < len(result.runs):
        return None
    return np.array([np.mean(counts, axis=0) for counts in draws])


def smallest(result: Result) -> int | None:
    """Training images of the rarest class where a long tail was drawn."""
    counts = training_counts(result)
    drawn = counts is not None and result.runs[0].per_class is not None and bool(np.ptp(counts, axis=1).any())
    return int(counts.min()) if counts is not None and drawn else None


def imbalanced(result: Result) -> bool:
    """Whether the classes' training images differ by more than folds and chance make them differ."""
    counts = training_counts(result)
    return counts is not None and any(uneven(row) for row in counts)

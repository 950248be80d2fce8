"""Experimental design of a result: what its runs repeat (draws, folds or seeds), and how balanced its classes are.

Draws from one pool share images, so that they agree more than draws from the population do. A score is, to first
order, a mean over the training images of each class: n_c drawn images of a class give it the variance v_c / n_c, and
two draws of n_c from a pool of N_c, which share n_c^2 / N_c images on average, the covariance v_c / N_c. Where all
classes vary alike, the correlation of two draws is therefore

    r = sum(1 / N_c) / sum(1 / n_c)

which is n / N for equal classes. The variance of J scores estimates (1 - r) of that of a draw, so the variance of
their mean over new pools is s^2 (1 / J + r / (1 - r)): Nadeau and Bengio's form. What a network's own noise (weights,
order of the images) adds to a score is not shared; r is then too large, and the interval on the safe side.
`docs/decisions/2026-11-26-draws-from-a-pool.md` has simulations.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

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


def overlap(result: Result, classes: Sequence[Bool[np.ndarray, " k"]] | None = None) -> float:
    """The correction of `mean_interval` for runs that share images; 0 where only seeds vary.

    For draws it is r / (1 - r), as the module says. With folds, training sets are nearly the same and test sets small:
    there Nadeau and Bengio take n_test / n_train. What a re-split draw leaves is n_train / n_test of the same kind.

    Args:
        result: the runs.
        classes: of each draw, the classes whose recall is meant; None: all.
    """
    kind = design(result)
    if kind in ("seeds", "one run"):
        return 0.0
    at_least = 0.0
    if kind == "re-split":
        n_train = float(np.mean([len(r.train_ids) for r in result.runs]))
        n_test = float(np.mean([len(r.ids) for r in result.runs]))
        at_least = min(n_test / n_train, n_train / n_test)
    if result.runs[0].fold is not None:
        return at_least
    share = pool_share(result, classes)
    return max(at_least, share / (1 - share)) if share < 1 else np.inf


def pool_share(result: Result, classes: Sequence[Bool[np.ndarray, " k"]] | None = None) -> float:
    """The correlation r of two draws: the share of its class's pool that a draw takes, over the classes.

    Where a log does not have the sizes of the pools, it is the mean share of images that two draws have in common.

    Args:
        result: draws, not folds.
        classes: of each draw, the classes that count; None: all.
    """
    counts = training_counts(result)
    pools = [run.pool for run in result.runs if run.pool is not None]
    if counts is None or len(pools) < len(result.runs):
        drawn = [frozenset(run.train_ids) for run in result.runs]
        pairs = list(combinations(drawn, 2))
        return sum(len(a & b) for a, b in pairs) / max(1, sum((len(a) + len(b)) / 2 for a, b in pairs))
    shares = []
    for i, (row, pool) in enumerate(zip(counts, pools, strict=True)):
        meant = (row > 0) & (True if classes is None else classes[i])
        shares.append(float((1 / np.maximum(pool[meant], row[meant])).sum() / (1 / row[meant]).sum()))
    return float(np.mean(shares))


def training_counts(result: Result) -> Float[np.ndarray, "draws k"] | None:
    """Training images of each class in each draw, folds averaged; None where the log did not keep them."""
    draws = [[r.counts for r in runs if r.counts is not None] for runs in by_draw(result).values()]
    if sum(map(len, draws)) < len(result.runs):
        return None
    return np.array([np.mean(counts, axis=0) for counts in draws])


def smallest(result: Result) -> int | None:
    """Training images of the rarest class where a long tail was drawn."""
    if result.runs[0].targets is not None:  # an image counts for several classes, so that they never are equal
        return None
    counts = training_counts(result)
    drawn = counts is not None and result.runs[0].per_class is not None and bool(np.ptp(counts, axis=1).any())
    return int(counts.min()) if counts is not None and drawn else None


def imbalanced(result: Result) -> bool:
    """Whether the classes' training images differ by more than folds and chance make them differ."""
    counts = training_counts(result)
    return counts is not None and any(uneven(row) for row in counts)

"""Paired differences of two results on identical draws, with verdicts."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from handful.core.result import Result
from handful.evaluation.design import Design, smallest
from handful.evaluation.intervals import bootstrap, mean_interval
from handful.evaluation.metrics import AnyMetric
from handful.evaluation.score_table import ScoreTable, score_table

Verdict = Literal["A better", "B better", "not separable"]

RESAMPLED = ("accuracy", "balanced_accuracy", "mean_average_precision")  # by the bootstrap over draws and images


@dataclass(frozen=True)
class PairedDifference:
    """A score of A minus that of B on identical draws, as shares.

    Attributes:
        a: recipe name of A.
        b: recipe name of B.
        per_class: labelled images per class to train on; None: all.
        metric: which score.
        draws: how many draws.
        mean: mean difference.
        low: lower end of its 95 % interval, by a paired t over the runs, corrected for the images that they share.
        high: its upper end.
        p: two-sided p of that t test; NaN for one run.
        image_low: lower end of the 95 % interval by the bootstrap over draws and test images; NaN for F1.
        image_high: its upper end.
        design: what was repeated, as in `ScoreSummary`.
        verdict: names a winner only where both intervals exclude zero on the same side.
        smallest: training images of the smallest class, where a long tail was drawn.
    """

    a: str
    b: str
    per_class: int | None
    metric: AnyMetric
    draws: int
    mean: float
    low: float
    high: float
    p: float
    image_low: float
    image_high: float
    design: Design
    verdict: Verdict
    smallest: int | None = None


def paired_difference(
    a: Result, b: Result, metric: AnyMetric = "accuracy", *, resamples: int = 2000, seed: int = 0
) -> PairedDifference:
    """The score of A minus that of B, paired over identical draws, with a verdict.

    Args:
        a: a result of `evaluate` or `sweep`.
        b: another one, from the same data and protocol.
        metric: "accuracy", "balanced_accuracy" or "macro_f1".
        resamples: of the bootstrap over draws and test images.
        seed: of the bootstrap.

    Returns:
        Mean difference, two 95 % intervals and the verdict: "A better", "B better" or "not separable".

    Raises:
        ProtocolError: the runs differ in draws, training images or scored images.

    Example:
        >>> from handful import Protocol, load_data, load_recipe, paired_difference, sweep
        >>> digits = load_data("digits").select(range(100))
        >>> recipes = [load_recipe("logistic-pixels", overrides=(f"head.C={c}",)) for c in (0.1, 0.2)]
        >>> a, b = sweep(recipes, digits, per_class=(5,), protocol=Protocol(draws=(0, 1)), progress=False)
        >>> paired_difference(a, b).verdict
        'not separable'
    """
    return difference_of(score_table([a, b], metric), 0, 1, resamples=resamples, seed=seed)


def difference_of(table: ScoreTable, a: int, b: int, *, resamples: int = 2000, seed: int = 0) -> PairedDifference:
    """The paired difference of two rows of a table."""
    mean = float(table.means[a] - table.means[b])
    low, high, p = mean_interval(table.differences(a, b), table.overlap, center=mean)
    low, high = float(np.clip(low, -1, 1)), float(np.clip(high, -1, 1))  # no difference of scores is larger
    image_low, image_high = _bootstrap(table, a, b, resamples, np.random.default_rng(seed))
    lows, highs = [low], [high]
    if table.metric in RESAMPLED:
        lows, highs = [low, image_low], [high, image_high]
    verdict: Verdict = "not separable"
    if all(x > 0 for x in lows):
        verdict = "A better"
    elif all(x < 0 for x in highs):
        verdict = "B better"
    first = table.results[a]
    return PairedDifference(
        a=first.recipe.name,
        b=table.results[b].recipe.name,
        per_class=first.runs[0].per_class,
        metric=table.metric,
        draws=table.draw_scores.shape[1],
        mean=mean,
        low=low,
        high=high,
        p=p,
        image_low=image_low,
        image_high=image_high,
        design=table.design,
        verdict=verdict,
        smallest=smallest(first),
    )


def _bootstrap(table: ScoreTable, a: int, b: int, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    if table.metric == "mean_average_precision":
        paired = np.nanmean(table.resampled[a], axis=1) - np.nanmean(table.resampled[b], axis=1)
        low, high = np.nanpercentile(paired, [2.5, 97.5])
        return float(low), float(high)
    if table.metric not in RESAMPLED:  # not means over images
        return np.nan, np.nan
    groups = [np.arange(len(table.labels))]
    if table.metric == "balanced_accuracy":
        groups = [np.flatnonzero(table.labels == c) for c in np.unique(table.labels)]
    return bootstrap(table.by_draw(table.image_differences(a, b)), groups, resamples, rng)

"""Statistics of repeated runs: mean scores with intervals, and class recalls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from handful.core.result import Result, Run
from handful.evaluation.design import Design, by_draw, imbalanced, overlap, smallest, training_counts
from handful.evaluation.intervals import score_interval, wilson
from handful.evaluation.metrics import THIRDS, AnyMetric, Metric, recalls, thirds
from handful.evaluation.multilabel_metrics import MULTILABEL_METRICS, is_multilabel
from handful.evaluation.score_table import ScoreTable, joined, score_table

METRICS: dict[Metric, str] = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}
METRIC_NAMES: dict[str, str] = {
    str(metric): name for names in (METRICS, MULTILABEL_METRICS) for metric, name in names.items()
}

Interval = Literal["t", "Wilson", "none"]


@dataclass(frozen=True)
class ThirdScore:
    """Mean recall of a third of the classes, "larger", "medium" or "smaller" by training images.

    `classes` are its names, or empty where they differ from draw to draw. `most` and `least` are training images of
    its largest and smallest class. The interval is that of the mean over runs; NaN where one run,
    or runs that agree, give none.
    """

    name: str
    classes: tuple[str, ...]
    most: int
    least: int
    mean: float
    low: float
    high: float
    worst: float


@dataclass(frozen=True)
class ScoreSummary:
    """A mean score, its interval, and what it was computed from; all scores are shares, 0 to 1.

    Attributes:
        recipe: name of the recipe.
        per_class: labelled images per class to train on; None: all. Those of the largest class of a long tail.
        metric: which score.
        draws: how many draws.
        runs: how many training runs; with folds, several per draw.
        mean: mean over the draws.
        low: lower end of the 95 % interval of the mean; NaN where one run, or runs that are all equal, give none.
        high: its upper end.
        worst: score of the worst draw.
        worst_draw: number of that draw.
        design: what was repeated: "draws" of training images with one test set, "seeds" alone, train and test
            "re-split", or "one run".
        n_train: training images of a run, mean.
        n_test: scored images of a run, mean.
        classes: number of classes.
        interval: what low and high are: a "t" interval over the runs; the "Wilson" interval of the test images, of the
            accuracy of one run or of runs that are all equal; or "none".
        smallest: training images of the smallest class, where a long tail was drawn.
        thirds: scores of the larger, medium and smaller classes, where there are three or more and they differ in
            their training images.
    """

    recipe: str
    per_class: int | None
    metric: AnyMetric
    draws: int
    runs: int
    mean: float
    low: float
    high: float
    worst: float
    worst_draw: int
    design: Design
    n_train: int
    n_test: int
    classes: int
    interval: Interval
    smallest: int | None = None
    thirds: tuple[ThirdScore, ...] = ()


@dataclass(frozen=True)
class ClassRecall:
    """Mean recall of a class over the draws. The Wilson interval counts each test image once, not once per draw."""

    name: str
    images: int
    mean: float
    low: float
    high: float
    worst: float


def metrics_of(result: Result) -> tuple[AnyMetric, ...]:
    """The metrics of a result's kind: one label per image, or several."""
    return tuple(MULTILABEL_METRICS) if is_multilabel(result) else tuple(METRICS)


def headline_metric(results: Result | Sequence[Result]) -> AnyMetric:
    """The metric to open with: balanced accuracy where classes differ in their training images, else accuracy.

    Of images with several labels, mean AP.
    """
    several = [results] if isinstance(results, Result) else results
    if any(is_multilabel(r) for r in several):
        return "mean_average_precision"
    return "balanced_accuracy" if any(imbalanced(r) for r in several) else "accuracy"


def summarise(results: Result | Sequence[Result], metric: AnyMetric = "accuracy") -> list[ScoreSummary]:
    """Mean score, 95 % interval and worst draw of each result.

    The interval is a t interval over the runs, for new training images of the same population: it is the wider the more
    of its pool a draw takes (`handful.evaluation.design`), and infinite where all is taken. A single run, or runs that
    agree to the last image, have no spread: their accuracy gets the Wilson interval of its test images, other metrics
    none.

    Args:
        results: one result of `evaluate`, or several, as of `sweep`.
        metric: "accuracy", "balanced_accuracy" or "macro_f1"; of several labels per image, one of `MULTILABEL_METRICS`.

    Returns:
        One summary per result, in their order; scores are shares, 0 to 1.

    Example:
        >>> from handful import Protocol, evaluate, load_data, load_recipe, summarise
        >>> digits = load_data("digits").select(range(100))
        >>> protocol = Protocol(draws=(0, 1), per_class=5)
        >>> result = evaluate(load_recipe("logistic-pixels"), digits, protocol=protocol, progress=False)
        >>> (row,) = summarise(result, "balanced_accuracy")
        >>> row.draws, row.worst <= row.mean
        (2, True)
    """
    several = [results] if isinstance(results, Result) else results
    return [summary_of(score_table([result], metric), 0) for result in several]


def class_recalls(result: Result) -> list[ClassRecall]:
    """Recall of each class that has test images."""
    table = np.array([_recalls(runs, len(result.classes)) for runs in by_draw(result).values()])
    rows = []
    for c, name in enumerate(result.classes):
        images = {i for run in result.runs for i, label in zip(run.ids, run.labels, strict=True) if label == c}
        if images:
            mean = float(np.nanmean(table[:, c]))
            low, high = wilson(mean * len(images), len(images))
            rows.append(ClassRecall(name, len(images), mean, low, high, float(np.nanmin(table[:, c]))))
    return rows


def summary_of(table: ScoreTable, row: int) -> ScoreSummary:
    """The summary of one row of a table."""
    result, metric, runs = table.results[row], table.metric, table.run_scores[row]
    scores = dict(zip(by_draw(table.results[0]), table.draw_scores[row].tolist(), strict=True))
    mean = float(table.means[row])
    low, high = score_interval(runs, table.overlap, center=mean)
    interval: Interval = "none" if np.isnan(low) else "t"
    if interval == "none" and metric == "accuracy":
        n = len({i for run in result.runs for i in run.ids})
        (low, high), interval = wilson(mean * n, n), "Wilson"
    worst = min(scores, key=lambda d: scores[d])
    return ScoreSummary(
        recipe=result.recipe.name,
        per_class=result.runs[0].per_class,
        metric=metric,
        draws=len(scores),
        runs=len(result.runs),
        mean=mean,
        low=float(np.clip(low, 0, 1)),
        high=float(np.clip(high, 0, 1)),
        worst=scores[worst],
        worst_draw=worst,
        design=table.design,
        n_train=round(float(np.mean([len(r.train_ids) for r in result.runs]))),
        n_test=round(float(np.mean([len(r.ids) for r in result.runs]))),
        classes=len(result.classes),
        interval=interval,
        smallest=smallest(result),
        thirds=_thirds(result),
    )


def _thirds(result: Result) -> tuple[ThirdScore, ...]:
    counts = training_counts(result)
    if is_multilabel(result) or counts is None or counts.shape[1] < 3 or not imbalanced(result):
        return ()
    draws, k = by_draw(result), len(result.classes)
    members = np.array([thirds(row) for row in counts])  # draws, thirds, classes
    of_draw = np.array([_recalls(runs, k) for runs in draws.values()])
    of_run = [_recalls([run], k) for run in result.runs]
    number = {draw: i for i, draw in enumerate(draws)}
    rows = []
    for t, name in enumerate(THIRDS):
        scores = np.array([_mean(r[m]) for r, m in zip(of_draw, members[:, t], strict=True)])
        runs = np.array([_mean(r[members[number[x.draw], t]]) for r, x in zip(of_run, result.runs, strict=True)])
        mean = _mean(scores)
        low, high = score_interval(runs[~np.isnan(runs)], overlap(result, list(members[:, t])), center=mean)
        same = (members[:, t] == members[0, t]).all()
        names = tuple(c for c, inside in zip(result.classes, members[0, t], strict=True) if inside) if same else ()
        images = counts[members[:, t]]
        low, high = float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))
        limits = (round(images.max()), round(images.min()))
        rows.append(ThirdScore(name, names, *limits, mean, low, high, float(scores.min())))
    return tuple(rows)


def _mean(recalls: Float[np.ndarray, " c"]) -> float:
    """Mean over the classes that have test images; NaN where none has."""
    defined = recalls[~np.isnan(recalls)]
    return float(defined.mean()) if len(defined) else np.nan


def _recalls(runs: Sequence[Run], classes: int) -> Float[np.ndarray, " k"]:
    """Recall of each class, these runs' images taken together."""
    return recalls(*joined(runs), classes)

"""Scores of images with several labels: means with their intervals, and recall and precision of each class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handful.core.result import Result, Run
from handful.errors import ProtocolError
from handful.evaluation.design import by_draw
from handful.evaluation.intervals import wilson
from handful.evaluation.metrics import MultilabelMetric, balanced_accuracy, recalls
from handful.evaluation.multilabel_metrics import (
    MULTILABEL_METRICS,
    class_average_precision,
    is_multilabel,
    resampled_class_scores,
    run_scores,
    scored_of,
)
from handful.evaluation.score_table import score_table
from handful.evaluation.statistics import ScoreSummary, summary_of


@dataclass(frozen=True)
class MultilabelSummary(ScoreSummary):
    """A mean score of images with several labels; `per_class` images show each class in a draw, at least.

    Attributes:
        image_low: lower end of the 95 % bootstrap interval over draws and scored images; NaN but for mean AP.
        image_high: its upper end.
    """

    image_low: float = np.nan
    image_high: float = np.nan


@dataclass(frozen=True)
class MultilabelClassScore:
    """Scores of a class, means over the draws. Wilson's intervals count each scored image once, not once per draw.

    `present` is the number of scored images that show it. NaN where no image shows it, or none is predicted to.
    """

    name: str
    present: int
    average_precision: float
    recall: float
    recall_low: float
    recall_high: float
    precision: float
    precision_low: float
    precision_high: float


def summarise_multilabel(result: Result, metric: MultilabelMetric = "mean_average_precision") -> MultilabelSummary:
    """Mean score, intervals and worst draw.

    Raises:
        ProtocolError: there are no runs, they are of images with one label, or the metric is unknown.
    """
    if not result.runs or not is_multilabel(result):
        raise ProtocolError(
            "these runs are not of images with several labels", where=result.recipe.name, remedy="use summarise."
        )
    if metric not in MULTILABEL_METRICS:
        raise ProtocolError(f"unknown metric {metric!r}", remedy=f"choose from {', '.join(MULTILABEL_METRICS)}.")
    summary, image = summary_of(score_table([result], metric), 0), (np.nan, np.nan)
    if metric == "mean_average_precision":
        resampled = resampled_class_scores([scored_of(runs) for runs in by_draw(result).values()])
        image = tuple(np.nanpercentile(np.nanmean(resampled, axis=1), [2.5, 97.5]).tolist())
    return MultilabelSummary(**vars(summary), image_low=image[0], image_high=image[1])


def class_scores(result: Result) -> list[MultilabelClassScore]:
    """AP, recall and precision of each class at its thresholds, means over the draws."""
    draws = [scored_of(runs) for runs in by_draw(result).values()]
    aps = np.stack([class_average_precision(scored)[0] for scored in draws])
    rows = []
    for c, name in enumerate(result.classes):
        right = [float(((s.targets[:, c] == 1) & s.present[:, c]).sum()) for s in draws]
        shown = [float((s.targets[:, c] == 1).sum()) for s in draws]
        said = [float((s.present[:, c] & s.known[:, c]).sum()) for s in draws]
        recall, precision = _share(right, shown), _share(right, said)
        known = aps[:, c][~np.isnan(aps[:, c])]
        ap = float(known.mean()) if len(known) else np.nan
        rows.append(MultilabelClassScore(name, round(float(np.mean(shown))), ap, *recall, *precision))
    return rows


def _share(right: Sequence[float], of: Sequence[float]) -> tuple[float, float, float]:
    """A mean share over the draws and its Wilson interval, as of the images of one draw."""
    n = float(np.mean(of))
    if n == 0:
        return np.nan, np.nan, np.nan
    mean = float(np.sum(right) / np.sum(of))
    return mean, *wilson(mean * n, n)


def logged_scores(run: Run, classes: int) -> dict[str, Any]:
    """The scores of a run, as a line has them."""
    if run.targets is not None:
        return {"kind": "multilabel", **{name: round(value, 4) for name, value in run_scores(run).items()}}
    class_recalls = recalls(run.labels, run.predictions, classes)
    return {
        "accuracy": float(np.mean(run.predictions == run.labels)),
        "balanced_accuracy": balanced_accuracy(run.labels, run.predictions, classes),
        "recalls": [None if np.isnan(r) else round(r, 4) for r in class_recalls.tolist()],
    }

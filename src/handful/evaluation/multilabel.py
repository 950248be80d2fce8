"""Scores of images with several labels: average precision, F1 at thresholds, recall and precision of each class.

Only entries that are known are scored. Average precision (AP) is the precision, averaged over the images that show a
class, among the images ranked at or above each; it needs no threshold. Mean AP is its mean over the classes of which a
present and an absent entry are known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float

from handful.core.result import Result, Run
from handful.errors import ProtocolError
from handful.evaluation.design import Design, by_draw, design, overlap
from handful.evaluation.intervals import mean_interval, wilson
from handful.evaluation.metrics import balanced_accuracy, recalls

Metric = Literal["mean_average_precision", "micro_f1", "macro_f1", "exact_match"]
METRICS: dict[Metric, str] = {
    "mean_average_precision": "mean AP",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "exact_match": "all labels right",
}
RESAMPLES, CHUNK = 500, 50


@dataclass(frozen=True)
class MultilabelSummary:
    """A mean score over the draws, its intervals, and what it was computed from; scores are shares, 0 to 1.

    Attributes:
        recipe: name of the recipe.
        per_class: images that show each class in a draw, at least; None: all images.
        metric: which score.
        draws: how many draws.
        runs: how many training runs; with folds, several per draw.
        mean: mean over the draws.
        low: lower end of the 95 % t interval of the mean over the runs, as `ScoreSummary.low`.
        high: its upper end.
        image_low: lower end of the 95 % bootstrap interval over draws and scored images; NaN but for mean AP.
        image_high: its upper end.
        worst: score of the worst draw.
        worst_draw: number of that draw.
        design: what was repeated, as in `ScoreSummary`.
        n_train: training images of a run, mean.
        n_test: scored images of a run, mean.
        classes: number of classes.
    """

    recipe: str
    per_class: int | None
    metric: Metric
    draws: int
    runs: int
    mean: float
    low: float
    high: float
    image_low: float
    image_high: float
    worst: float
    worst_draw: int
    design: Design
    n_train: int
    n_test: int
    classes: int


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


@dataclass(frozen=True, eq=False)
class _Scored:
    """The scored images of a draw: its folds together, since each image is held out once."""

    ids: tuple[str, ...]
    targets: Float[np.ndarray, "n k"]
    probabilities: Float[np.ndarray, "n k"]
    present: Bool[np.ndarray, "n k"]

    @property
    def known(self) -> Bool[np.ndarray, "n k"]:
        return np.asarray(~np.isnan(self.targets))


def is_multilabel(result: Result) -> bool:
    """Whether the runs are of images with several labels."""
    return any(run.targets is not None for run in result.runs)


def average_precision(
    targets: Float[np.ndarray, " n"], scores: Float[np.ndarray, " n"], weights: Float[np.ndarray, "b n"] | None = None
) -> Float[np.ndarray, " b"]:
    """AP of a class under each row of image weights; NaN where no weighted image shows it, or all do.

    Args:
        targets: 1 or 0.
        scores: a higher one ranks an image before others; equal ones rank together.
        weights: how often each image counts; None: once, which gives one value.
    """
    order = np.argsort(-scores, kind="stable")
    y, ranked = targets[order], scores[order]
    w = np.ones((1, len(y))) if weights is None else weights[:, order]
    last = np.searchsorted(-ranked, -ranked, side="right") - 1
    hits, seen = np.cumsum(w * y, axis=1)[:, last], np.cumsum(w, axis=1)[:, last]
    positive, total = (w * y).sum(axis=1), w.sum(axis=1)
    precision = hits / np.maximum(seen, 1e-12)
    value = (w * y * precision).sum(axis=1) / np.maximum(positive, 1e-12)
    return np.where((positive > 0) & (positive < total), value, np.nan)


def class_average_precision(
    scored: _Scored, weights: Float[np.ndarray, "b n"] | None = None
) -> Float[np.ndarray, "b k"]:
    """AP of each class over its known entries."""
    columns = []
    for c in range(scored.targets.shape[1]):
        known = scored.known[:, c]
        rows = None if weights is None else weights[:, known]
        columns.append(average_precision(scored.targets[known, c], scored.probabilities[known, c], rows))
    return np.stack(columns, axis=1)


def summarise_multilabel(result: Result, metric: Metric = "mean_average_precision") -> MultilabelSummary:
    """Mean score, intervals and worst draw.

    Raises:
        ProtocolError: there are no runs, they are of images with one label, or the metric is unknown.
    """
    if not result.runs or not is_multilabel(result):
        raise ProtocolError(
            "these runs are not of images with several labels", where=result.recipe.name, remedy="use summarise."
        )
    if metric not in METRICS:
        raise ProtocolError(f"unknown metric {metric!r}", remedy=f"choose from {', '.join(METRICS)}.")
    score, draws = _SCORES[metric], by_draw(result)
    values = np.array([score(_scored(runs)) for runs in draws.values()])
    runs = np.array([score(_scored([run])) for run in result.runs])
    low, high, _ = mean_interval(runs, overlap(result), center=float(values.mean()))
    image = (np.nan, np.nan)
    if metric == "mean_average_precision":
        image = _bootstrap([_scored(runs) for runs in draws.values()])
    worst = int(np.argmin(values))
    return MultilabelSummary(
        recipe=result.recipe.name,
        per_class=result.runs[0].per_class,
        metric=metric,
        draws=len(draws),
        runs=len(result.runs),
        mean=float(values.mean()),
        low=float(np.clip(low, 0, 1)),
        high=float(np.clip(high, 0, 1)),
        image_low=image[0],
        image_high=image[1],
        worst=float(values[worst]),
        worst_draw=list(draws)[worst],
        design=design(result),
        n_train=round(float(np.mean([len(r.train_ids) for r in result.runs]))),
        n_test=round(float(np.mean([len(r.ids) for r in result.runs]))),
        classes=len(result.classes),
    )


def class_scores(result: Result) -> list[MultilabelClassScore]:
    """AP, recall and precision of each class at its thresholds, means over the draws."""
    draws = [_scored(runs) for runs in by_draw(result).values()]
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


def _mean_ap(scored: _Scored) -> float:
    values = class_average_precision(scored)[0]
    return float(np.nanmean(values)) if not np.isnan(values).all() else np.nan


def _micro_f1(scored: _Scored) -> float:
    true, known = scored.targets == 1, scored.known
    right = (true & scored.present).sum()
    return float(2 * right / max(1, true.sum() + (scored.present & known).sum()))


def _macro_f1(scored: _Scored) -> float:
    """The mean over the classes that are present, or predicted; 0 for one that is never predicted right."""
    true = scored.targets == 1
    right = (true & scored.present).sum(axis=0)
    total = true.sum(axis=0) + (scored.present & scored.known).sum(axis=0)
    return float((2 * right[total > 0] / total[total > 0]).mean()) if (total > 0).any() else 0.0


def _exact_match(scored: _Scored) -> float:
    """The share of images of which every known entry is predicted right."""
    wrong = (scored.present != (scored.targets == 1)) & scored.known
    return float((~wrong.any(axis=1)).mean())


_SCORES: dict[Metric, Callable[[_Scored], float]] = {
    "mean_average_precision": _mean_ap,
    "micro_f1": _micro_f1,
    "macro_f1": _macro_f1,
    "exact_match": _exact_match,
}


def run_scores(run: Run) -> dict[str, float]:
    """All scores of one run."""
    scored = _scored([run])
    return {metric: score(scored) for metric, score in _SCORES.items()}


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


def _scored(runs: Sequence[Run]) -> _Scored:
    targets, probabilities, present = [], [], []
    for run in runs:
        assert run.targets is not None, "multilabel runs keep their targets"
        thresholds = np.full(run.targets.shape[1], 0.5) if run.thresholds is None else run.thresholds
        targets.append(run.targets)
        probabilities.append(run.probabilities)
        present.append(run.probabilities >= thresholds)
    ids = tuple(i for run in runs for i in run.ids)
    return _Scored(ids, np.concatenate(targets), np.concatenate(probabilities), np.concatenate(present))


def _bootstrap(draws: Sequence[_Scored]) -> tuple[float, float]:
    """95 % percentile interval of mean AP, draws and scored images both resampled with replacement."""
    rng = np.random.default_rng(0)
    position = {name: i for i, name in enumerate(sorted({i for scored in draws for i in scored.ids}))}
    rows = [np.array([position[i] for i in scored.ids]) for scored in draws]
    n, j = len(position), len(draws)
    values = []
    for _ in range(0, RESAMPLES, CHUNK):
        weights = rng.multinomial(n, np.full(n, 1 / n), size=CHUNK).astype(np.float64)
        each = [
            np.nanmean(class_average_precision(s, weights[:, at]), axis=1) for s, at in zip(draws, rows, strict=True)
        ]
        counts = rng.multinomial(j, np.full(j, 1 / j), size=CHUNK)
        values.append((counts * np.stack(each, axis=1)).sum(axis=1) / j)
    low, high = np.nanpercentile(np.concatenate(values), [2.5, 97.5])
    return float(low), float(high)

"""Metrics of images with several labels: average precision, F1 at thresholds, exact match.

Only entries that are known are scored. Average precision (AP) is the precision, averaged over the images that show a
class, among the images ranked at or above each; it needs no threshold. Mean AP is its mean over the classes of which a
present and an absent entry are known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from handful.core.result import Result, Run
from handful.evaluation.metrics import MultilabelMetric

MULTILABEL_METRICS: dict[MultilabelMetric, str] = {
    "mean_average_precision": "mean AP",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "exact_match": "all labels right",
}
RESAMPLES, CHUNK = 500, 50


def is_multilabel(result: Result) -> bool:
    """Whether the runs are of images with several labels."""
    return any(run.targets is not None for run in result.runs)


@dataclass(frozen=True, eq=False)
class Scored:
    """Scored images, and what was predicted for them; `present` is by the thresholds of each run."""

    ids: tuple[str, ...]
    targets: Float[np.ndarray, "n k"]
    probabilities: Float[np.ndarray, "n k"]
    present: Bool[np.ndarray, "n k"]

    @property
    def known(self) -> Bool[np.ndarray, "n k"]:
        """Which entries of the targets are known."""
        return np.asarray(~np.isnan(self.targets))


def scored_of(runs: Sequence[Run]) -> Scored:
    """The images of several runs, one after the other: the folds of a draw hold each image out once."""
    targets, probabilities, present = [], [], []
    for run in runs:
        assert run.targets is not None, "multilabel runs keep their targets"
        thresholds = np.full(run.targets.shape[1], 0.5) if run.thresholds is None else run.thresholds
        targets.append(run.targets)
        probabilities.append(run.probabilities)
        present.append(run.probabilities >= thresholds)
    ids = tuple(i for run in runs for i in run.ids)
    return Scored(ids, np.concatenate(targets), np.concatenate(probabilities), np.concatenate(present))


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
    scored: Scored, weights: Float[np.ndarray, "b n"] | None = None
) -> Float[np.ndarray, "b k"]:
    """AP of each class over its known entries."""
    columns = []
    for c in range(scored.targets.shape[1]):
        known = scored.known[:, c]
        rows = None if weights is None else weights[:, known]
        columns.append(average_precision(scored.targets[known, c], scored.probabilities[known, c], rows))
    return np.stack(columns, axis=1)


def precisions(targets: Float[np.ndarray, " n"], scores: Float[np.ndarray, " n"]) -> Float[np.ndarray, " p"]:
    """Of each image that shows a class, in their order, the precision among the images ranked at or above it.

    Their mean is the average precision.
    """
    order = np.sort(-scores)
    hits = np.sort(-scores[targets == 1])
    at = -scores[targets == 1]
    right, seen = np.searchsorted(hits, at, side="right"), np.searchsorted(order, at, side="right")
    return np.asarray(right / np.maximum(seen, 1))


def _mean_ap(scored: Scored) -> float:
    values = class_average_precision(scored)[0]
    return float(np.nanmean(values)) if not np.isnan(values).all() else np.nan


def _micro_f1(scored: Scored) -> float:
    true, known = scored.targets == 1, scored.known
    right = (true & scored.present).sum()
    return float(2 * right / max(1, true.sum() + (scored.present & known).sum()))


def _macro_f1(scored: Scored) -> float:
    """The mean over the classes that are present, or predicted; 0 for one that is never predicted right."""
    true = scored.targets == 1
    right = (true & scored.present).sum(axis=0)
    total = true.sum(axis=0) + (scored.present & scored.known).sum(axis=0)
    return float((2 * right[total > 0] / total[total > 0]).mean()) if (total > 0).any() else 0.0


def _exact_match(scored: Scored) -> float:
    """The share of images of which every known entry is predicted right."""
    wrong = (scored.present != (scored.targets == 1)) & scored.known
    return float((~wrong.any(axis=1)).mean())


MULTILABEL_SCORES: dict[MultilabelMetric, Callable[[Scored], float]] = {
    "mean_average_precision": _mean_ap,
    "micro_f1": _micro_f1,
    "macro_f1": _macro_f1,
    "exact_match": _exact_match,
}


def run_scores(run: Run) -> dict[str, float]:
    """All scores of one run."""
    scored = scored_of([run])
    return {metric: score(scored) for metric, score in MULTILABEL_SCORES.items()}


def resampled_class_scores(draws: Sequence[Scored]) -> Float[np.ndarray, "b k"]:
    """AP of each class, mean over the draws, with draws and scored images both resampled with replacement.

    The resamples are the same for all results on the same images, so that differences of two are paired.
    """
    rng = np.random.default_rng(0)
    position = {name: i for i, name in enumerate(sorted({i for scored in draws for i in scored.ids}))}
    rows = [np.array([position[i] for i in scored.ids]) for scored in draws]
    n, j = len(position), len(draws)
    values = []
    for _ in range(0, RESAMPLES, CHUNK):
        weights = rng.multinomial(n, np.full(n, 1 / n), size=CHUNK).astype(np.float64)
        each = np.stack([class_average_precision(s, weights[:, at]) for s, at in zip(draws, rows, strict=True)], axis=1)
        counts = rng.multinomial(j, np.full(j, 1 / j), size=CHUNK)[:, :, None] * ~np.isnan(each)
        total = counts.sum(axis=1)
        mean = (counts * np.nan_to_num(each)).sum(axis=1) / np.maximum(total, 1)
        values.append(np.where(total > 0, mean, np.nan))
    return np.concatenate(values)

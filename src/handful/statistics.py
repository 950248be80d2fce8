"""What the raw predictions of repeated runs allow one to say: scores, intervals, paired differences, verdicts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from sklearn.metrics import f1_score

from handful.errors import ProtocolError
from handful.intervals import bootstrap, mean_interval, wilson
from handful.types import Result, Run

Metric = Literal["accuracy", "balanced_accuracy", "macro_f1"]
Design = Literal["draws", "seeds", "re-split", "one run"]
Verdict = Literal["A better", "B better", "not separable"]

METRICS: dict[Metric, str] = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}


@dataclass(frozen=True)
class Summary:
    """A score with what it rests on; all scores are shares, 0 to 1.

    `low` and `high` are the 95 % interval of the mean, NaN where one run gives none. `design` says what was repeated:
    "draws" of training images with one test set, "seeds" alone, train and test "re-split", or "one run".
    """

    recipe: str
    per_class: int | None
    metric: Metric
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


@dataclass(frozen=True)
class Recall:
    """Mean recall of a class over the draws. The Wilson interval counts each test image once, not once per draw."""

    name: str
    images: int
    mean: float
    low: float
    high: float
    worst: float


@dataclass(frozen=True)
class Comparison:
    """A minus B on identical draws, as shares.

    `low`, `high`, `p` come from the paired t over draws (corrected where train and test are re-split);
    `image_low`, `image_high` from the bootstrap over draws and test images. The verdict names a winner only
    when both intervals leave out zero on the same side.
    """

    a: str
    b: str
    per_class: int | None
    metric: Metric
    draws: int
    mean: float
    low: float
    high: float
    p: float
    image_low: float
    image_high: float
    design: Design
    verdict: Verdict


def accuracy(labels: Int[np.ndarray, " n"], predictions: Int[np.ndarray, " n"], classes: int) -> float:  # noqa: ARG001
    """Share of images predicted right."""
    return float(np.mean(labels == predictions))


def recalls(labels: Int[np.ndarray, " n"], predictions: Int[np.ndarray, " n"], classes: int) -> Float[np.ndarray, " k"]:
    """Share of each class's images predicted right; NaN for a class without images."""
    counts = np.bincount(labels, minlength=classes)
    right = np.bincount(labels[labels == predictions], minlength=classes)
    return np.where(counts > 0, right / np.maximum(counts, 1), np.nan)


def balanced_accuracy(labels: Int[np.ndarray, " n"], predictions: Int[np.ndarray, " n"], classes: int) -> float:
    """Mean recall over the classes that have images."""
    return float(np.nanmean(recalls(labels, predictions, classes)))


def macro_f1(labels: Int[np.ndarray, " n"], predictions: Int[np.ndarray, " n"], classes: int) -> float:
    """Mean over the classes of the F1 score; 0 for a class that is never predicted right."""
    return float(f1_score(labels, predictions, labels=np.arange(classes), average="macro", zero_division=0))


_SCORES: dict[Metric, Callable[[Int[np.ndarray, " n"], Int[np.ndarray, " n"], int], float]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
}


def draw_scores(result: Result, metric: Metric = "accuracy") -> dict[int, float]:
    """The score of each draw; the folds of a draw are scored together, since each image is held out once."""
    return {
        draw: _SCORES[metric](
            np.concatenate([r.labels for r in runs]),
            np.concatenate([r.predictions for r in runs]),
            len(result.classes),
        )
        for draw, runs in _by_draw(result).items()
    }


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


def summarise(results: Result | Sequence[Result], metric: Metric = "accuracy") -> list[Summary]:
    """One row per result. A single run has the Wilson interval of its test images, for accuracy alone."""
    return [_summary(r, metric) for r in ([results] if isinstance(results, Result) else results)]


def class_recalls(result: Result) -> list[Recall]:
    """Recall of each class that has test images."""
    draws = _by_draw(result).values()
    table = np.array(
        [
            recalls(
                np.concatenate([r.labels for r in runs]),
                np.concatenate([r.predictions for r in runs]),
                len(result.classes),
            )
            for runs in draws
        ]
    )
    rows = []
    for c, name in enumerate(result.classes):
        images = {i for run in result.runs for i, label in zip(run.ids, run.labels, strict=True) if label == c}
        if images:
            mean = float(np.nanmean(table[:, c]))
            low, high = wilson(mean * len(images), len(images))
            rows.append(Recall(name, len(images), mean, low, high, float(np.nanmin(table[:, c]))))
    return rows


def compare(a: Result, b: Result, metric: Metric = "accuracy", *, resamples: int = 2000, seed: int = 0) -> Comparison:
    """A minus B, paired: both results must come from identical draws.

    Raises:
        ProtocolError: the runs differ in draws, training images or scored images.
    """
    _refuse_unpaired(a, b)
    pairs = zip(*_sorted(a, b), strict=True)
    differences = np.array([_run_score(x, a, metric) - _run_score(y, b, metric) for x, y in pairs])
    mean = float(np.mean(list(draw_scores(a, metric).values())) - np.mean(list(draw_scores(b, metric).values())))
    low, high, p = mean_interval(differences, overlap(a), centre=mean)
    low, high = float(np.clip(low, -1, 1)), float(np.clip(high, -1, 1))  # no difference of scores is larger
    image_low, image_high = _bootstrap(a, b, metric, resamples, np.random.default_rng(seed))
    verdict: Verdict = "not separable"
    lows, highs = [low], [high]
    if metric != "macro_f1":
        lows, highs = [low, image_low], [high, image_high]
    if all(x > 0 for x in lows):
        verdict = "A better"
    elif all(x < 0 for x in highs):
        verdict = "B better"
    return Comparison(
        a.recipe.name, b.recipe.name, a.runs[0].per_class, metric, len(_by_draw(a)), mean, low, high, p,
        image_low, image_high, design(a), verdict,
    )  # fmt: skip


def _bootstrap(a: Result, b: Result, metric: Metric, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    if metric == "macro_f1":  # no mean over images
        return np.nan, np.nan
    labels = {i: int(label) for run in a.runs for i, label in zip(run.ids, run.labels, strict=True)}
    column = {i: c for c, i in enumerate(sorted(labels))}
    rows = {draw: r for r, draw in enumerate(_by_draw(a))}
    table = np.full((len(rows), len(column)), np.nan)
    for x, y in zip(*_sorted(a, b), strict=True):
        other = dict(zip(y.ids, (y.predictions == y.labels).astype(float), strict=True))
        own = (x.predictions == x.labels).astype(float)
        table[rows[x.draw], [column[i] for i in x.ids]] = own - np.array([other[i] for i in x.ids])
    of_column = np.array([labels[i] for i in sorted(labels)])
    groups = [np.arange(len(column))]
    if metric == "balanced_accuracy":
        groups = [np.flatnonzero(of_column == c) for c in np.unique(of_column)]
    return bootstrap(table, groups, resamples, rng)


def _summary(result: Result, metric: Metric) -> Summary:
    scores = draw_scores(result, metric)
    kind = design(result)
    mean = float(np.mean(list(scores.values())))
    runs = [_run_score(r, result, metric) for r in result.runs]
    if kind == "one run":
        n = len(result.runs[0].ids)
        low, high = wilson(mean * n, n) if metric == "accuracy" else (np.nan, np.nan)
    else:
        low, high, _ = mean_interval(np.array(runs), overlap(result), centre=mean)
    worst = min(scores, key=lambda d: scores[d])
    return Summary(
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
        design=kind,
        n_train=round(float(np.mean([len(r.train_ids) for r in result.runs]))),
        n_test=round(float(np.mean([len(r.ids) for r in result.runs]))),
        classes=len(result.classes),
    )


def _run_score(run: Run, result: Result, metric: Metric) -> float:
    return _SCORES[metric](run.labels, run.predictions, len(result.classes))


def _by_draw(result: Result) -> dict[int, list[Run]]:
    draws: dict[int, list[Run]] = {}
    for run in result.runs:
        draws.setdefault(run.draw, []).append(run)
    return draws


def _sorted(a: Result, b: Result) -> tuple[list[Run], list[Run]]:
    def place(run: Run) -> tuple[int, int]:
        return run.draw, -1 if run.fold is None else run.fold

    return sorted(a.runs, key=place), sorted(b.runs, key=place)


def _refuse_unpaired(a: Result, b: Result) -> None:
    runs_a, runs_b = _sorted(a, b)
    alike = len(runs_a) == len(runs_b) and all(
        (x.draw, x.fold, set(x.train_ids), set(x.ids)) == (y.draw, y.fold, set(y.train_ids), set(y.ids))
        for x, y in zip(runs_a, runs_b, strict=True)
    )
    if not alike:
        raise ProtocolError(
            "these results do not come from the same draws, so their difference is not paired",
            where=f"{a.recipe.name} and {b.recipe.name}",
            remedy="evaluate both with the same data and protocol (sweep does).",
        )

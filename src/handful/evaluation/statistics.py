"""What the raw predictions of repeated runs allow one to say: scores, intervals, paired differences, verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from handful.core.result import Result, Run
from handful.errors import ProtocolError
from handful.evaluation.design import Design, by_draw, design, imbalanced, overlap, smallest, training_counts
from handful.evaluation.intervals import bootstrap, mean_interval, wilson
from handful.evaluation.metrics import SCORES, THIRDS, Metric, recalls, thirds

Verdict = Literal["A better", "B better", "not separable"]

METRICS: dict[Metric, str] = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}


@dataclass(frozen=True)
class ThirdScore:
    """Mean recall of a third of the classes, "larger", "medium" or "smaller" by training images.

    `classes` are its names, or empty where they differ from draw to draw. `most` and `least` are training images of
    its largest and smallest class. The interval is that of the mean, as a summary's; NaN where one run gives none.
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
    """A score with what it rests on; all scores are shares, 0 to 1.

    `low` and `high` are the 95 % interval of the mean, NaN where one run, or runs all alike, give none. `design` says
    what was repeated: "draws" of training images with one test set, "seeds" alone, train and test "re-split", or "one
    run". `smallest` is the training images of the rarest class where a long tail was drawn, `per_class` then those of
    the largest.
    `thirds` has the larger, medium and smaller classes where their training images differ, and three or more classes.
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


@dataclass(frozen=True)
class PairedDifference:
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
    smallest: int | None = None


def draw_scores(result: Result, metric: Metric = "accuracy") -> dict[int, float]:
    """The score of each draw; the folds of a draw are scored together, since each image is held out once."""
    return {
        draw: SCORES[metric](
            np.concatenate([r.labels for r in runs]),
            np.concatenate([r.predictions for r in runs]),
            len(result.classes),
        )
        for draw, runs in by_draw(result).items()
    }


def headline_metric(results: Result | Sequence[Result]) -> Metric:
    """What to open with: balanced accuracy where classes differ in their training images, else accuracy."""
    found = [results] if isinstance(results, Result) else results
    return "balanced_accuracy" if any(imbalanced(r) for r in found) else "accuracy"


def summarise(results: Result | Sequence[Result], metric: Metric = "accuracy") -> list[ScoreSummary]:
    """One row per result.

    A single run has the Wilson interval of its test images, for accuracy alone; so have runs that agree to the last
    image, whose spread says nothing.

    Example:
        >>> from handful import Protocol, evaluate, load_data, load_recipe, summarise
        >>> digits = load_data("digits").select(range(100))
        >>> protocol = Protocol(draws=(0, 1), per_class=5)
        >>> result = evaluate(load_recipe("logistic-pixels"), digits, protocol=protocol, progress=False)
        >>> (row,) = summarise(result, "balanced_accuracy")
        >>> row.draws, row.worst <= row.mean
        (2, True)
    """
    return [_summary(r, metric) for r in ([results] if isinstance(results, Result) else results)]


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


def differences(a: Result, b: Result, metric: Metric = "accuracy") -> Float[np.ndarray, " j"]:
    """A minus B, run by run, in order of draws and folds.

    Raises:
        ProtocolError: as `paired_difference`.
    """
    _refuse_unpaired(a, b)
    return np.array([_run_score(x, a, metric) - _run_score(y, b, metric) for x, y in zip(*_sorted(a, b), strict=True)])


def paired_difference(
    a: Result, b: Result, metric: Metric = "accuracy", *, resamples: int = 2000, seed: int = 0
) -> PairedDifference:
    """A minus B, paired: both results must come from identical draws.

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
    each = differences(a, b, metric)
    mean = float(np.mean(list(draw_scores(a, metric).values())) - np.mean(list(draw_scores(b, metric).values())))
    low, high, p = mean_interval(each, overlap(a), centre=mean)
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
    return PairedDifference(
        a.recipe.name,
        b.recipe.name,
        a.runs[0].per_class,
        metric,
        len(by_draw(a)),
        mean,
        low,
        high,
        p,
        image_low,
        image_high,
        design(a),
        verdict,
        smallest(a),
    )


def _bootstrap(a: Result, b: Result, metric: Metric, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    if metric == "macro_f1":  # no mean over images
        return np.nan, np.nan
    labels = {i: int(label) for run in a.runs for i, label in zip(run.ids, run.labels, strict=True)}
    column = {i: c for c, i in enumerate(sorted(labels))}
    rows = {draw: r for r, draw in enumerate(by_draw(a))}
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


def _summary(result: Result, metric: Metric) -> ScoreSummary:
    scores = draw_scores(result, metric)
    kind = design(result)
    mean = float(np.mean(list(scores.values())))
    runs = [_run_score(r, result, metric) for r in result.runs]
    if np.ptp(runs) < 1e-12:
        n = len({i for run in result.runs for i in run.ids})
        low, high = wilson(mean * n, n) if metric == "accuracy" else (np.nan, np.nan)
    else:
        low, high, _ = mean_interval(np.array(runs), overlap(result), centre=mean)
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
        design=kind,
        n_train=round(float(np.mean([len(r.train_ids) for r in result.runs]))),
        n_test=round(float(np.mean([len(r.ids) for r in result.runs]))),
        classes=len(result.classes),
        smallest=smallest(result),
        thirds=_thirds(result),
    )


def _thirds(result: Result) -> tuple[ThirdScore, ...]:
    counts = training_counts(result)
    if counts is None or counts.shape[1] < 3 or not imbalanced(result):
        return ()
    draws, k = by_draw(result), len(result.classes)
    parts = np.array([thirds(row) for row in counts])  # draws, thirds, classes
    of_draw = np.array([_recalls(runs, k) for runs in draws.values()])
    of_run = [_recalls([run], k) for run in result.runs]
    row = {draw: i for i, draw in enumerate(draws)}
    found = []
    for t, name in enumerate(THIRDS):
        scores = np.array([_mean(r[p]) for r, p in zip(of_draw, parts[:, t], strict=True)])
        runs = np.array([_mean(r[parts[row[x.draw], t]]) for r, x in zip(of_run, result.runs, strict=True)])
        mean = _mean(scores)
        low, high, _ = mean_interval(runs[~np.isnan(runs)], overlap(result), centre=mean)
        same = (parts[:, t] == parts[0, t]).all()
        names = tuple(c for c, own in zip(result.classes, parts[0, t], strict=True) if own) if same else ()
        images = counts[parts[:, t]]
        low, high = float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))
        limits = (round(images.max()), round(images.min()))
        found.append(ThirdScore(name, names, *limits, mean, low, high, float(scores.min())))
    return tuple(found)


def _mean(recalls: Float[np.ndarray, " c"]) -> float:
    """Mean over the classes that have test images; NaN where none has."""
    known = recalls[~np.isnan(recalls)]
    return float(known.mean()) if len(known) else np.nan


def _recalls(runs: Sequence[Run], classes: int) -> Float[np.ndarray, " k"]:
    """Recall of each class, these runs' images taken together."""
    return recalls(np.concatenate([r.labels for r in runs]), np.concatenate([r.predictions for r in runs]), classes)


def _run_score(run: Run, result: Result, metric: Metric) -> float:
    return SCORES[metric](run.labels, run.predictions, len(result.classes))


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

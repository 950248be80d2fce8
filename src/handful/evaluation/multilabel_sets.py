"""What is promised for several labels per image, measured: recall of sets by class, and the share of missed labels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from handful.core.result import Result, Run
from handful.evaluation.design import by_draw, overlap
from handful.evaluation.intervals import score_interval


@dataclass(frozen=True)
class PromiseSummary:
    """A promised share, as the scored images have it.

    Attributes:
        promised: what the model was calibrated for.
        mean: mean over the draws.
        low: lower end of the 95 % t interval of the mean over the runs; NaN where one run, or runs that agree, give
            none.
        high: its upper end.
        worst: of the worst draw: the lowest recall, or the highest share missed.
        worst_draw: number of that draw.
        classes: mean number of classes that are named in a set, or at the thresholds.
    """

    promised: float
    mean: float
    low: float
    high: float
    worst: float
    worst_draw: int
    classes: float


def set_recall(result: Result) -> PromiseSummary | None:
    """Mean over the classes of the share of images showing a class whose set holds it; None: there are no sets."""
    sets = [run.sets for run in result.runs if run.sets is not None]
    if len(sets) < len(result.runs):
        return None
    promised = float(_option(result, "conformal", "coverage") or 0.9)
    recalls = [class_recall(run, named) for run, named in zip(result.runs, sets, strict=True)]
    return _summary(result, [float(np.nanmean(r)) for r in recalls], sets, promised, lowest=True)


def missed_labels(result: Result) -> PromiseSummary | None:
    """Mean over the images of the share of their labels that is missed; None: the thresholds promise nothing of it."""
    promised = _option(result, "thresholds", "missed")
    if promised is None:
        return None
    named = [_at_thresholds(run) for run in result.runs]
    missed = [missed_share(run, rows) for run, rows in zip(result.runs, named, strict=True)]
    return _summary(result, missed, named, float(promised), lowest=False)


def class_recall(run: Run, named: Bool[np.ndarray, "n k"]) -> Float[np.ndarray, " k"]:
    """Share of the images showing each class that it is named for; NaN where none shows it."""
    assert run.targets is not None, "multilabel runs keep their targets"
    shown = run.targets == 1
    with np.errstate(invalid="ignore"):
        return np.asarray((shown & named).sum(axis=0) / shown.sum(axis=0))


def missed_share(run: Run, named: Bool[np.ndarray, "n k"]) -> float:
    """Share of an image's labels that is not named, mean over the images that show a class."""
    assert run.targets is not None, "multilabel runs keep their targets"
    shown = run.targets == 1
    images = shown.any(axis=1)
    return float(((shown & ~named).sum(axis=1)[images] / shown.sum(axis=1)[images]).mean())


def _at_thresholds(run: Run) -> Bool[np.ndarray, "n k"]:
    assert run.thresholds is not None, "multilabel runs keep their thresholds"
    return np.asarray(run.probabilities >= run.thresholds)


def _option(result: Result, part: str, name: str) -> float | None:
    return next((p.options.get(name) for p in result.recipe.posthoc if p.name == part), None)


def _summary(
    result: Result, values: list[float], named: list[Bool[np.ndarray, "n k"]], promised: float, *, lowest: bool
) -> PromiseSummary:
    of_run = {id(run): value for run, value in zip(result.runs, values, strict=True)}
    draws = {draw: float(np.mean([of_run[id(run)] for run in runs])) for draw, runs in by_draw(result).items()}
    mean = float(np.mean(list(draws.values())))
    low, high = score_interval(np.array(values), overlap(result), center=mean)
    worst = (min if lowest else max)(draws, key=lambda draw: draws[draw])
    size = float(np.mean([rows.sum(axis=1).mean() for rows in named]))
    ends = (float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1)))
    return PromiseSummary(promised, mean, *ends, draws[worst], worst, size)

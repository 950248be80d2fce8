"""Calibration of probabilities and coverage of conformal sets over repeated runs, each with an interval.

- Expected calibration error (Naeini et al. 2015; Guo et al. 2017, https://arxiv.org/abs/1706.04599, eq. 3): mean gap
  between confidence and accuracy, in 15 bins of the confidence of equal width. It is computed for each draw, since a
  draw is a model of its own, and averaged. Chance alone opens gaps: on n test images even perfectly calibrated
  probabilities are about `by_chance` off, the more so the fewer the images; only what goes beyond it is miscalibration.
- Brier score (1950): squared distance of the probabilities to the right class's one-hot vector, 0 to 2.
- Log loss: minus the natural logarithm of the right class's probability, which is taken to be 1e-7 or more.
- Coverage, size and rejection, where the runs have sets: share of sets that hold the right class, of all images and as
  a mean over classes (what is promised where classes are drawn evenly, and are not as frequent in the test images),
  mean number of classes in a set, share of test images rejected.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from handful.core.result import Result, Run
from handful.evaluation.design import by_draw, overlap, smallest
from handful.evaluation.intervals import bootstrap, score_interval, wilson

Measure = Literal[
    "expected calibration error",
    "Brier score",
    "log loss",
    "coverage of sets",
    "coverage, mean over classes",
    "classes in a set",
    "calibration error, mean over classes",
    "Brier score of entries",
    "log loss of entries",
    "rejected",
]
BINS = 15
LEAST = 1e-7  # probability; float32 keeps no smaller difference from 1


@dataclass(frozen=True)
class CalibrationSummary:
    """A measure over the draws. `target` is its ideal value (by chance alone, or as requested), or NaN.

    The 95 % interval of probability measures comes from a bootstrap over draws and test images, that of sets from a t
    over draws; NaN where one run, or runs that agree, give none. Resampled images open gaps further, so that the
    calibration error's percentiles are moved back about the estimate: they tell how it varies, and `target` how far it
    is biased.
    """

    recipe: str
    per_class: int | None
    smallest: int | None
    draws: int
    measure: Measure
    mean: float
    low: float
    high: float
    worst: float
    worst_draw: int
    target: float = np.nan


@dataclass(frozen=True)
class ReliabilityBin:
    """Images whose confidence lies in [`low`, `high`): how many a run on average, mean confidence, share right.

    The Wilson interval counts each image once, not once per draw.
    """

    low: float
    high: float
    images: float
    confidence: float
    accuracy: float
    accuracy_low: float
    accuracy_high: float


def bin_of(confidence: Float[np.ndarray, " n"], bins: int = BINS) -> Int[np.ndarray, " n"]:
    """Number of the bin, 0 to bins - 1; a confidence of 1 is in the last."""
    return np.minimum((confidence * bins).astype(np.int64), bins - 1)


def expected_calibration_error(
    labels: Int[np.ndarray, " n"], probabilities: Float[np.ndarray, "n k"], *, bins: int = BINS
) -> float:
    """Mean over the images of the gap between confidence and accuracy in their bin, 0 to 1."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    gaps = confidence - (probabilities.argmax(axis=1) == labels)
    return float(np.abs(np.bincount(bin_of(confidence, bins), gaps)).sum() / len(labels))


def brier_scores(labels: Int[np.ndarray, " n"], probabilities: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    """Brier score of each image, 0 to 2."""
    one_hot = np.eye(probabilities.shape[1])[labels]
    return np.asarray(((probabilities.astype(np.float64) - one_hot) ** 2).sum(axis=1))


def log_losses(labels: Int[np.ndarray, " n"], probabilities: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    """Log loss of each image, in nats."""
    of_true_class = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(of_true_class.clip(LEAST)))


def summarise_calibration(
    results: Result | Sequence[Result], *, resamples: int = 1000, seed: int = 0
) -> list[CalibrationSummary]:
    """Every measure that the runs of each result allow."""
    rows = []
    for result in [results] if isinstance(results, Result) else results:
        rng = np.random.default_rng(seed)
        rows += [_calibration_error(result, resamples, rng)]
        rows += [
            _image_mean(result, "Brier score", brier_scores, resamples, rng),
            _image_mean(result, "log loss", log_losses, resamples, rng),
        ]
        rows += _of_sets(result)
    return rows


def reliability_bins(result: Result, *, bins: int = 10) -> list[ReliabilityBin]:
    """Confidence and accuracy of each bin that has images, all draws together."""
    confidence = np.concatenate([r.probabilities.max(axis=1) for r in result.runs]).astype(np.float64)
    right = np.concatenate([r.predictions == r.labels for r in result.runs])
    ids = np.concatenate([np.array(r.ids) for r in result.runs])
    bin_index, rows = bin_of(confidence, bins), []
    for b in range(bins):
        members = bin_index == b
        if members.any():
            n = len(set(ids[members].tolist()))
            share = float(right[members].mean())
            low, high = wilson(share * n, n)
            runs = float(members.sum() / len(by_draw(result)))
            rows.append(
                ReliabilityBin(b / bins, (b + 1) / bins, runs, float(confidence[members].mean()), share, low, high)
            )
    return rows


def _calibration_error(result: Result, resamples: int, rng: np.random.Generator) -> CalibrationSummary:
    draws = by_draw(result)
    draw_errors = {d: expected_calibration_error(*_joined(runs)) for d, runs in draws.items()}
    by_chance = float(np.mean([_chance(_joined(runs)[1], rng) for runs in draws.values()]))
    ids = sorted({i for run in result.runs for i in run.ids})
    column = {i: c for c, i in enumerate(ids)}
    drawn = rng.multinomial(len(draws), np.full(len(draws), 1 / len(draws)), size=resamples) / len(draws)
    errors = np.zeros((resamples, len(draws)))
    for start in range(0, resamples, 100):  # 100 at a time bounds the memory
        part = slice(start, min(start + 100, resamples))
        images = rng.multinomial(len(ids), np.full(len(ids), 1 / len(ids)), size=part.stop - start)
        for d, runs in enumerate(draws.values()):
            labels, probabilities = _joined(runs)
            confidence = probabilities.max(axis=1).astype(np.float64)
            gaps = np.zeros((len(labels), BINS))
            gaps[np.arange(len(labels)), bin_of(confidence)] = confidence - (probabilities.argmax(axis=1) == labels)
            counts = images[:, [column[i] for run in runs for i in run.ids]].astype(np.float64)
            errors[part, d] = np.abs(counts @ gaps).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
    mean = float(np.mean(list(draw_errors.values())))
    resampled = (drawn * errors).sum(axis=1)
    low, high = (mean + np.percentile(resampled, q) - resampled.mean() for q in (2.5, 97.5))
    limits = float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))
    return _row(result, "expected calibration error", draw_errors, limits, by_chance)


def _chance(probabilities: Float[np.ndarray, "n k"], rng: np.random.Generator, times: int = 40) -> float:
    """The calibration error of labels that are drawn as the confidence says."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    gaps = confidence - (rng.random((times, len(confidence))) < confidence)
    places = bin_of(confidence)
    return float(np.mean([np.abs(np.bincount(places, row)).sum() for row in gaps]) / len(confidence))


def _image_mean(
    result: Result, name: Measure, score: Any, resamples: int, rng: np.random.Generator
) -> CalibrationSummary:
    draws = by_draw(result)
    ids = sorted({i for run in result.runs for i in run.ids})
    column = {i: c for c, i in enumerate(ids)}
    table = np.full((len(draws), len(ids)), np.nan)
    for d, runs in enumerate(draws.values()):
        for run in runs:
            table[d, [column[i] for i in run.ids]] = score(run.labels, run.probabilities)
    means = {draw: float(np.nanmean(row)) for draw, row in zip(draws, table, strict=True)}
    return _row(result, name, means, bootstrap(table, [np.arange(len(ids))], resamples, rng), np.nan)


def _of_sets(result: Result) -> list[CalibrationSummary]:
    rows = []
    options = {part.name: part.options for part in result.recipe.posthoc}
    if all(run.sets is not None for run in result.runs):
        target = float(options.get("conformal", {}).get("coverage", 0.9))
        rows += [
            summary_over_runs(
                result, "coverage of sets", [_covered(run) for run in result.runs], target, least_is_worst=True
            ),
            summary_over_runs(
                result,
                "coverage, mean over classes",
                [_covered(run) * _evened(run.labels) for run in result.runs],
                target,
                least_is_worst=True,
            ),
            summary_over_runs(result, "classes in a set", [_set_sizes(run) for run in result.runs], np.nan),
        ]
    if all(run.rejected is not None for run in result.runs):
        target = float(options.get("out_of_distribution", {}).get("false_rejection", 0.05))
        shares = [np.asarray(run.rejected, dtype=np.float64) for run in result.runs]
        rows.append(summary_over_runs(result, "rejected", shares, target))
    return rows


def _covered(run: Run) -> Float[np.ndarray, " n"]:
    assert run.sets is not None
    return np.asarray(run.sets[np.arange(len(run.labels)), run.labels], dtype=np.float64)


def _evened(labels: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """What each image counts for in a mean over classes; 1 on average."""
    counts = np.bincount(labels)
    return np.asarray(len(labels) / (counts > 0).sum() / counts[labels])


def _set_sizes(run: Run) -> Float[np.ndarray, " n"]:
    assert run.sets is not None
    return np.asarray(run.sets.sum(axis=1), dtype=np.float64)


def summary_over_runs(
    result: Result,
    name: Measure,
    values: list[Float[np.ndarray, " _"]],
    target: float,
    *,
    least_is_worst: bool = False,
) -> CalibrationSummary:
    """The mean over draws of the values of each run, its t interval over the runs, and the worst draw."""
    values_by_draw: dict[int, list[Float[np.ndarray, " _"]]] = {}
    for run, run_values in zip(result.runs, values, strict=True):
        values_by_draw.setdefault(run.draw, []).append(run_values)
    means = {draw: float(np.concatenate(run_values).mean()) for draw, run_values in values_by_draw.items()}
    mean = float(np.mean(list(means.values())))
    low, high = score_interval(np.array([run_values.mean() for run_values in values]), overlap(result), center=mean)
    most = {"classes in a set": len(result.classes), "log loss of entries": np.inf}.get(name, 1)
    limits = float(np.clip(low, 0, most)), float(np.clip(high, 0, most))
    return _row(result, name, means, limits, target, least_is_worst=least_is_worst)


def _row(
    result: Result,
    name: Measure,
    scores: dict[int, float],
    interval: tuple[float, float],
    target: float,
    *,
    least_is_worst: bool = False,
) -> CalibrationSummary:
    worst = (min if least_is_worst else max)(scores, key=lambda draw: scores[draw])
    mean = float(np.mean(list(scores.values())))
    return CalibrationSummary(
        result.recipe.name,
        result.runs[0].per_class,
        smallest(result),
        len(scores),
        name,
        mean,
        *interval,
        scores[worst],
        worst,
        target,
    )


def _joined(runs: Sequence[Run]) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, "n k"]]:
    return np.concatenate([r.labels for r in runs]), np.concatenate([r.probabilities for r in runs])

"""Calibration of the probabilities of several labels per image, over repeated runs. Only known entries count.

- Calibration error, mean over the classes (Kull et al. 2019, https://arxiv.org/abs/1910.12656, section 2, "classwise"):
  of a class the mean gap, in 15 bins of its probability of equal width, between that and the share of the images that
  show the class. Chance alone opens gaps: `target` is the error of labels that are drawn as the probabilities say.
- Brier score: squared difference between probability and entry, 0 to 1, mean over the entries.
- Log loss: minus the natural logarithm of the probability of what is the case, taken to be 1e-7 or more, likewise.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from handful.core.result import Result, Run
from handful.evaluation.calibration import (
    BINS,
    LEAST,
    CalibrationSummary,
    Measure,
    bin_of,
    summarise_calibration,
    summary_over_runs,
)
from handful.evaluation.multilabel_metrics import is_multilabel

Rows = Float[np.ndarray, "n k"]
SIMULATIONS = 40


def summarise_measures(results: Result | Sequence[Result]) -> list[CalibrationSummary]:
    """Every calibration measure that the runs of each result allow, whether images have one label each or several."""
    rows = []
    for result in [results] if isinstance(results, Result) else results:
        rows += summarise_multilabel_calibration(result) if is_multilabel(result) else summarise_calibration(result)
    return rows


def summarise_multilabel_calibration(result: Result, *, seed: int = 0) -> list[CalibrationSummary]:
    """Calibration error, Brier score and log loss, each with a t interval of the mean over the runs."""
    rng = np.random.default_rng(seed)
    pairs = [(_targets(run), run.probabilities.astype(np.float64)) for run in result.runs]
    by_chance = float(np.mean([_chance(targets, probabilities, rng) for targets, probabilities in pairs]))
    measures: tuple[tuple[Measure, Callable[[Rows, Rows], float], float], ...] = (
        ("calibration error, mean over classes", class_calibration_error, by_chance),
        ("Brier score of entries", brier_score, np.nan),
        ("log loss of entries", log_loss, np.nan),
    )
    return [
        summary_over_runs(result, name, [np.array([measure(*pair)]) for pair in pairs], target)
        for name, measure, target in measures
    ]


def class_calibration_error(targets: Rows, probabilities: Rows) -> float:
    """Mean over the classes of the mean gap between probability and share of images that show the class, 0 to 1."""
    errors = []
    for column, p in zip(targets.T, probabilities.T, strict=True):
        known = ~np.isnan(column)
        if known.any():
            gaps = p[known] - column[known]
            errors.append(np.abs(np.bincount(bin_of(p[known], BINS), gaps)).sum() / known.sum())
    return float(np.mean(errors))


def brier_score(targets: Rows, probabilities: Rows) -> float:
    """Mean squared difference over the known entries."""
    return float(np.nanmean((probabilities - targets) ** 2))


def log_loss(targets: Rows, probabilities: Rows) -> float:
    """Mean log loss over the known entries, in nats."""
    said = np.where(targets == 1, probabilities, 1 - probabilities).clip(LEAST)
    return float(-np.log(said[~np.isnan(targets)]).mean())


def _targets(run: Run) -> Rows:
    assert run.targets is not None, "multilabel runs keep their targets"
    return np.asarray(run.targets, dtype=np.float64)


def _chance(targets: Rows, probabilities: Rows, rng: np.random.Generator) -> float:
    """The calibration error of entries that are drawn as the probabilities say."""
    unknown = np.isnan(targets)
    drawn = (np.where(unknown, np.nan, rng.random(probabilities.shape) < probabilities) for _ in range(SIMULATIONS))
    return float(np.mean([class_calibration_error(rows, probabilities) for rows in drawn]))

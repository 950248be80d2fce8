"""Scores of predicted numbers: errors, the share of the variance explained and rank correlation, with intervals.

Errors of the scored images with the lowest and the highest fifth of the numbers show what the mean hides of tails.
The control predicts the median of the training images' numbers for every image. Intervals come from a bootstrap over
draws and scored images: an image that several draws score is resampled in all of them together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata

from handful.core.result import Result, Run
from handful.errors import ProtocolError
from handful.evaluation.design import by_draw

Metric = Literal["mae", "lowest_mae", "highest_mae", "rmse", "r2", "spearman", "control_mae"]
METRICS: dict[Metric, str] = {
    "mae": "mean absolute error",
    "lowest_mae": "error of the lowest fifth",
    "highest_mae": "error of the highest fifth",
    "rmse": "root mean squared error",
    "r2": "R2",
    "spearman": "Spearman correlation",
    "control_mae": "error of the training median",
}
HIGHER_IS_BETTER = ("r2", "spearman")
RESAMPLES = 500
TAIL = 0.2  # of the scored images, at either end of the range


@dataclass(frozen=True)
class NumberSummary:
    """A mean score of one quantity over the draws; errors are in its unit.

    Attributes:
        quantity: its name.
        metric: which score.
        mean: mean over the draws.
        low: lower end of the 95 % interval, by a bootstrap over draws and scored images.
        high: its upper end.
        worst: of the worst draw.
        worst_draw: number of that draw.
        draws: how many draws.
        n_train: training images of a run, mean.
        n_test: scored images of a draw whose value is known, mean.
    """

    quantity: str
    metric: Metric
    mean: float
    low: float
    high: float
    worst: float
    worst_draw: int
    draws: int
    n_train: int
    n_test: int


@dataclass(frozen=True, eq=False)
class _Scored:
    """The scored images of a draw of which a quantity is known: its folds together."""

    ids: tuple[str, ...]
    truth: Float[np.ndarray, " n"]
    predicted: Float[np.ndarray, " n"]
    median: Float[np.ndarray, " n"]


def is_number(result: Result) -> bool:
    """Whether the runs are of images with numbers."""
    return any(run.numbers is not None for run in result.runs)


def summarise_numbers(result: Result) -> list[NumberSummary]:
    """Every score of every quantity.

    Raises:
        ProtocolError: there are no runs, or they are not of numbers.
    """
    if not result.runs or not is_number(result):
        raise ProtocolError("these runs are not of numbers", where=result.recipe.name, remedy="use summarise.")
    rows = []
    for c, quantity in enumerate(result.classes):
        draws = {draw: _scored(runs, c) for draw, runs in by_draw(result).items()}
        intervals = _bootstrap(list(draws.values()))
        for metric in METRICS:
            values = {draw: _SCORES[metric](scored, np.arange(len(scored.ids))) for draw, scored in draws.items()}
            worst = (min if metric in HIGHER_IS_BETTER else max)(values, key=lambda draw: values[draw])
            rows.append(
                NumberSummary(
                    quantity=quantity,
                    metric=metric,
                    mean=float(np.mean(list(values.values()))),
                    low=intervals[metric][0],
                    high=intervals[metric][1],
                    worst=values[worst],
                    worst_draw=worst,
                    draws=len(draws),
                    n_train=round(float(np.mean([len(run.train_ids) for run in result.runs]))),
                    n_test=round(float(np.mean([len(scored.ids) for scored in draws.values()]))),
                )
            )
    return rows


def number_scores(run: Run) -> dict[str, Any]:
    """The scores of a run, mean over the quantities, as a line of a log has them."""
    assert run.numbers is not None, "runs of numbers keep them"
    each = [_scored([run], c) for c in range(run.numbers.shape[1])]
    mean = {m: float(np.mean([_SCORES[m](s, np.arange(len(s.ids))) for s in each])) for m in METRICS}
    return {"kind": "number", **{m: None if np.isnan(v) else float(f"{v:.6g}") for m, v in mean.items()}}


def mean_absolute_error(scored: _Scored, at: Int[np.ndarray, " m"]) -> float:
    """The mean distance of prediction and truth."""
    return float(np.abs(scored.predicted[at] - scored.truth[at]).mean())


def _lowest(scored: _Scored, at: Int[np.ndarray, " m"]) -> float:
    truth = scored.truth[at]
    return mean_absolute_error(scored, at[truth <= np.quantile(truth, TAIL)])


def _highest(scored: _Scored, at: Int[np.ndarray, " m"]) -> float:
    truth = scored.truth[at]
    return mean_absolute_error(scored, at[truth >= np.quantile(truth, 1 - TAIL)])


def _control(scored: _Scored, at: Int[np.ndarray, " m"]) -> float:
    return float(np.abs(scored.median[at] - scored.truth[at]).mean())


def _rmse(scored: _Scored, at: Int[np.ndarray, " m"]) -> float:
    return float(np.sqrt(((scored.predicted[at] - scored.truth[at]) ** 2).mean()))


def r2(scored: _Scored, at: Int[np.ndarray, " m"]) -> float:
    """The share of the scored images' variance that is explained; NaN where all have one value."""
    truth = scored.truth[at]
    total = float(((truth - truth.mean()) ** 2).sum())
    return 1 - float(((scored.predicted[at] - truth) ** 2).sum()) / total if total else float("nan")


def spearman(scored: _Scored, at: Int[np.ndarray, " m"]) -> float:
    """The correlation of the ranks; NaN where all have one value, or one is predicted for all."""
    a, b = rankdata(scored.truth[at]), rankdata(scored.predicted[at])
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / norm) if norm else float("nan")


_SCORES: dict[Metric, Callable[[_Scored, Int[np.ndarray, " m"]], float]] = {
    "mae": mean_absolute_error,
    "lowest_mae": _lowest,
    "highest_mae": _highest,
    "rmse": _rmse,
    "r2": r2,
    "spearman": spearman,
    "control_mae": _control,
}


def _scored(runs: Sequence[Run], c: int) -> _Scored:
    ids, truth, predicted, median = [], [], [], []
    for run in runs:
        assert run.numbers is not None, "runs of numbers keep them"
        assert run.medians is not None, "and the medians"
        known = np.flatnonzero(~np.isnan(run.numbers[:, c]))
        ids += [run.ids[i] for i in known]
        truth.append(run.numbers[known, c].astype(np.float64))
        predicted.append(run.probabilities[known, c].astype(np.float64))
        median.append(np.full(len(known), run.medians[c], dtype=np.float64))
    return _Scored(tuple(ids), np.concatenate(truth), np.concatenate(predicted), np.concatenate(median))


def _bootstrap(draws: Sequence[_Scored]) -> dict[Metric, tuple[float, float]]:
    """95 % percentile interval of each mean score, draws and scored images both resampled with replacement."""
    rng = np.random.default_rng(0)
    position = {name: i for i, name in enumerate(sorted({i for scored in draws for i in scored.ids}))}
    rows = [np.array([position[i] for i in scored.ids], dtype=np.int64) for scored in draws]
    n = len(position)
    values: dict[Metric, list[float]] = {metric: [] for metric in METRICS}
    for _ in range(RESAMPLES):
        weights = rng.multinomial(n, np.full(n, 1 / n))
        chosen = rng.integers(0, len(draws), len(draws))
        at = {d: np.repeat(np.arange(len(rows[d])), weights[rows[d]]) for d in set(chosen.tolist())}
        for metric in METRICS:
            each = {d: _SCORES[metric](draws[d], at[d]) for d in at if len(at[d])}
            values[metric].append(float(np.mean([each[d] for d in chosen.tolist() if d in each])) if each else np.nan)
    intervals: dict[Metric, tuple[float, float]] = {}
    for metric, resampled in values.items():
        low, high = np.nanpercentile(resampled, [2.5, 97.5])
        intervals[metric] = (float(low), float(high))
    return intervals

"""As many guesses as an image has labels: the share of them that is right (https://arxiv.org/abs/2412.18409).

Of an image that shows k classes, the k most probable ones are taken, so that no threshold decides. The mean over groups
of images with equally many labels keeps those with one from outweighing those with several.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from handful.core.result import Result, Run
from handful.evaluation.design import by_draw, overlap
from handful.evaluation.intervals import score_interval


@dataclass(frozen=True)
class GuessSummary:
    """The mean share over the images that show a class, of all draws; the interval is a t over runs.

    Attributes:
        mean: mean over the draws.
        low: lower end of the 95 % interval; NaN with one run, or with runs that agree.
        high: its upper end.
        worst: of the worst draw.
        worst_draw: number of that draw.
        by_labels: number of labels of an image, images of a draw with so many, mean share of these.
        even: mean over these groups.
    """

    mean: float
    low: float
    high: float
    worst: float
    worst_draw: int
    by_labels: tuple[tuple[int, float, float], ...]
    even: float


def right_guesses(run: Run) -> Float[np.ndarray, " n"]:
    """Of each image that shows k classes, the share of its k most probable known classes that it shows; NaN: k = 0."""
    assert run.targets is not None, "multilabel runs keep their targets"
    shown = run.targets == 1
    probabilities = np.where(np.isnan(run.targets), -np.inf, run.probabilities)
    order = np.argsort(-probabilities, axis=1, kind="stable")
    k = shown.sum(axis=1)
    taken = np.arange(shown.shape[1]) < k[:, None]
    right = (np.take_along_axis(shown, order, axis=1) & taken).sum(axis=1)
    return np.where(k > 0, right / np.maximum(k, 1), np.nan)


def as_many_guesses(result: Result) -> GuessSummary | None:
    """The summary over the draws; None: no scored image shows a class."""
    each = [right_guesses(run) for run in result.runs]
    if any(np.isnan(values).all() for values in each):
        return None
    of_run = {id(run): values for run, values in zip(result.runs, each, strict=True)}
    draws = {
        draw: float(np.nanmean(np.concatenate([of_run[id(run)] for run in runs])))
        for draw, runs in by_draw(result).items()
    }
    mean = float(np.mean(list(draws.values())))
    low, high = score_interval(np.array([np.nanmean(values) for values in each]), overlap(result), center=mean)
    worst = min(draws, key=lambda draw: draws[draw])
    numbers = np.concatenate([(run.targets == 1).sum(axis=1) for run in result.runs if run.targets is not None])
    values = np.concatenate(each)
    groups = tuple(
        (int(k), float((numbers == k).sum() / len(draws)), float(values[numbers == k].mean()))
        for k in np.unique(numbers[numbers > 0])
    )
    even = float(np.mean([share for *_, share in groups]))
    return GuessSummary(mean, float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1)), draws[worst], worst, groups, even)

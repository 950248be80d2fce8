"""Errors of recipes for numbers as a share of the median's, and how much too low the lowest of several is.

The bootstrap of Tsamardinos, Greasidou and Borboudakis 2018 (https://doi.org/10.1007/s10994-018-5714-4), as in
`selection_bias`: images (or whole groups) are drawn with replacement; the recipe that is best on the drawn ones is
compared with the best of all on the others.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from handful.core.result import Result

RESAMPLES = 200


def relative_error(result: Result) -> float:
    """The mean absolute error as a share of that of the training images' median, mean over the quantities."""
    errors, control = _errors(result)
    return float(np.nanmean(np.nanmean(errors, axis=0) / np.nanmean(control, axis=0)))


def error_optimism(
    results: Sequence[Result], *, groups: Mapping[str, str] | None = None, resamples: int = RESAMPLES, seed: int = 0
) -> float:
    """What to add to the best recipe's relative error, 0 or more.

    Args:
        results: one per recipe, on identical folds of one draw.
        groups: group of an image's id; None, or an id that is not in it: a group of its own.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    if len(results) < 2:
        return 0.0
    each = np.stack([_image_errors(result) for result in results])
    ids = [i for run in results[0].runs for i in run.ids]
    names = [f"group:{(groups or {})[i]}" if i in (groups or {}) else f"id:{i}" for i in ids]
    units = np.unique(np.array(names), return_inverse=True)[1]
    best = int(np.argmin(each.mean(axis=1)))
    rng, n = np.random.default_rng(seed), int(units.max()) + 1
    gained = []
    for drawn in rng.multinomial(n, np.full(n, 1 / n), size=resamples)[:, units]:
        if (drawn == 0).any():
            winner = int(np.argmin(each @ drawn))
            outside = each[:, drawn == 0].mean(axis=1)
            gained.append(outside[winner] - outside[best])
    return max(0.0, float(np.mean(gained))) if gained else 0.0


def _image_errors(result: Result) -> Float[np.ndarray, " n"]:
    """Each image's error as a share of the median's mean one, mean over its known quantities."""
    errors, control = _errors(result)
    return np.asarray(np.nanmean(errors / np.nanmean(control, axis=0), axis=1))


def _errors(result: Result) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
    """Distance of prediction and truth, and of the training images' median and truth; NaN: unknown."""
    errors, control = [], []
    for run in result.runs:
        assert run.numbers is not None, "runs of numbers keep them"
        assert run.medians is not None, "and the medians"
        truth = run.numbers.astype(np.float64)
        errors.append(np.abs(run.probabilities - truth))
        control.append(np.abs(run.medians - truth))
    return np.concatenate(errors), np.concatenate(control)

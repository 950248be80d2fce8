"""How much too high the mean AP of the best of several recipes is, for having been selected by the same images.

The bootstrap of Tsamardinos, Greasidou and Borboudakis 2018 (https://doi.org/10.1007/s10994-018-5714-4), as in
`selection_bias`: images (or whole groups) are drawn with replacement; the recipe that is best on the drawn ones is
compared with the best of all on the others.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from handful.core.result import Result
from handful.evaluation.design import by_draw
from handful.evaluation.multilabel_metrics import Scored, class_average_precision, scored_of

RESAMPLES = 200


def mean_ap_optimism(
    results: Sequence[Result], *, groups: Mapping[str, str] | None = None, resamples: int = RESAMPLES, seed: int = 0
) -> float:
    """What to take off the best recipe's mean AP, 0 or more.

    Args:
        results: one per recipe, on identical folds.
        groups: group of an image's id; None, or an id that is not in it: a group of its own.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    if len(results) < 2:
        return 0.0
    scored = [scored_of(next(iter(by_draw(result).values()))) for result in results]
    own = [float(np.nanmean(class_average_precision(s)[0])) for s in scored]
    best = int(np.argmax(own))
    units = _units(scored[0], groups or {})
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(units.max() + 1, np.full(units.max() + 1, 1 / (units.max() + 1)), size=resamples)[:, units]
    inside = np.stack([_mean_aps(s, drawn.astype(float), scored[0].ids) for s in scored])
    outside = np.stack([_mean_aps(s, (drawn == 0).astype(float), scored[0].ids) for s in scored])
    known = ~np.isnan(inside).any(axis=0) & ~np.isnan(outside).any(axis=0)
    if not known.any():
        return 0.0
    winner = inside[:, known].argmax(axis=0)
    lost = outside[best, known] - outside[winner, np.flatnonzero(known)]
    return max(0.0, float(lost.mean()))


def _mean_aps(scored: Scored, weights: Float[np.ndarray, "b n"], ids: tuple[str, ...]) -> Float[np.ndarray, " b"]:
    """Mean AP under each row of weights, which are in the order of `ids`."""
    column = {name: i for i, name in enumerate(ids)}
    of_classes = class_average_precision(scored, weights[:, [column[i] for i in scored.ids]])
    defined = ~np.isnan(of_classes)
    total = np.where(defined, of_classes, 0).sum(axis=1)
    return np.where(defined.any(axis=1), total / np.maximum(defined.sum(axis=1), 1), np.nan)


def _units(scored: Scored, groups: Mapping[str, str]) -> Int[np.ndarray, " n"]:
    """What is drawn as one: the index of each image's group."""
    names = [f"group:{groups[i]}" if i in groups else f"id:{i}" for i in scored.ids]
    return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)

"""Score of the best of several recipes on new images, corrected for having been selected by the same scores.

The best cross-validated score of several recipes is too high: it was the largest of several noisy numbers. The
bootstrap bias corrected cross-validation of Tsamardinos, Greasidou and Borboudakis 2018
(https://doi.org/10.1007/s10994-018-5714-4, algorithm 3) needs no further training: from the held-out predictions of all
recipes, images are drawn with replacement; the recipe that is best on the drawn images is scored on the others; the
mean over many such resamples is the score of what selection gives.

Where images come in groups, whole groups are drawn. The interval is not the paper's percentile interval, which on the
third of the images that a resample leaves out is far too wide at 50 images: it is Wilson's around the corrected score,
counted in images (or groups) of each class.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from handful.core.result import Result
from handful.evaluation.intervals import wilson
from handful.evaluation.metrics import Metric

RESAMPLES = 500


@dataclass(frozen=True)
class SelectedScore:
    """The score of the recipe that selection by cross-validation gives; scores are shares, 0 to 1.

    Attributes:
        best: position of the selected recipe: that of the highest mean held-out score, the first of equals.
        metric: "accuracy" or "balanced_accuracy".
        mean: the corrected score.
        low: lower end of its 95 % interval.
        high: its upper end.
        worst: the selected recipe's score in its worst draw, less the optimism.
        optimism: how much higher the selected recipe's own mean score is than the corrected one, 0 or more.
        draws: number of draws of the selected recipe.
    """

    best: int
    metric: Metric
    mean: float
    low: float
    high: float
    worst: float
    optimism: float
    draws: int


def selected_score(
    results: Sequence[Result],
    metric: Metric,
    *,
    select_by: Metric | None = None,
    groups: Mapping[str, str] | None = None,
    scored: Sequence[Result] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> SelectedScore:
    """The corrected score of the best of these results.

    Args:
        results: one per recipe, cheapest first; each scores every image once in each of its draws (by folds). Draws may
            differ in number.
        metric: "accuracy" or "balanced_accuracy".
        select_by: the metric that selects; None: `metric`.
        groups: group of an image's id; None, or an id that is not in it: a group of its own.
        scored: the same predictions with other classes, such as `handful.evaluation.levels.at_level` of each result:
            these are scored, `results` select. None: `results`.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    ids, labels, right = _correct(results)
    scored = results if scored is None else scored
    _, scored_labels, scored_right = _correct(scored)
    units = _units(ids, groups or {})
    by = metric if select_by is None else select_by
    scores = np.array([_score(row, labels, by) for row in right])
    best = int(scores.argmax())
    corrected = [
        _score(scored_right[_best(right, labels, drawn, by)][~drawn], scored_labels[~drawn], metric)
        for drawn in _resamples(units, labels, resamples, np.random.default_rng(seed))
    ]
    own = _score(scored_right[best], scored_labels, metric)
    mean = min(own, float(np.mean(corrected))) if corrected and len(results) > 1 else own
    draws = [_score(row, scored_labels, metric) for row in _by_draw(scored[best], ids)]
    low, high = _interval(mean, scored_right[best], scored_labels, units, metric)
    return SelectedScore(best, metric, mean, low, high, min(mean, min(draws) - (own - mean)), own - mean, len(draws))


def _correct(
    results: Sequence[Result],
) -> tuple[list[str], Int[np.ndarray, " n"], Float[np.ndarray, "r n"]]:
    """Ids, labels, and the share of each recipe's draws in which it predicts an image right."""
    labels = {i: int(label) for run in results[0].runs for i, label in zip(run.ids, run.labels, strict=True)}
    ids = sorted(labels)
    right = np.array([np.mean(_by_draw(result, ids), axis=0) for result in results])
    return ids, np.array([labels[i] for i in ids]), right


def _by_draw(result: Result, ids: Sequence[str]) -> list[Float[np.ndarray, " n"]]:
    """Whether each image is predicted right, draw by draw."""
    position = {name: i for i, name in enumerate(ids)}
    draws: dict[int, Float[np.ndarray, " n"]] = {}
    for run in result.runs:
        row = draws.setdefault(run.draw, np.full(len(ids), np.nan))
        row[[position[i] for i in run.ids]] = run.probabilities.argmax(axis=1) == run.labels
    if any(np.isnan(row).any() for row in draws.values()):
        raise ValueError(f"{result.recipe.name} does not score every image in each draw")
    return list(draws.values())


def _units(ids: Sequence[str], groups: Mapping[str, str]) -> Int[np.ndarray, " n"]:
    """Index of each image's group."""
    names = [f"group:{groups[i]}" if i in groups else f"id:{i}" for i in ids]
    return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)


def _resamples(
    units: Int[np.ndarray, " n"], labels: Int[np.ndarray, " n"], resamples: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Which images each resample draws; those that leave no image out, or draw no image of a class, do not count."""
    number, classes = int(units.max()) + 1, len(np.unique(labels))
    found = []
    for _ in range(resamples):
        drawn = np.isin(units, rng.integers(number, size=number))
        if not drawn.all() and len(np.unique(labels[drawn])) == classes:
            found.append(drawn)
    return found


def _best(right: Float[np.ndarray, "r n"], labels: Int[np.ndarray, " n"], drawn: np.ndarray, metric: Metric) -> int:
    """The recipe that is best on the drawn images; each counts once, however often it was drawn."""
    return int(np.argmax([_score(row[drawn], labels[drawn], metric) for row in right]))


def _score(right: Float[np.ndarray, " n"], labels: Int[np.ndarray, " n"], metric: Metric) -> float:
    if metric == "accuracy":
        return float(right.mean())
    return float(np.mean([right[labels == c].mean() for c in np.unique(labels)]))


def _interval(
    mean: float,
    right: Float[np.ndarray, " n"],
    labels: Int[np.ndarray, " n"],
    units: Int[np.ndarray, " n"],
    metric: Metric,
) -> tuple[float, float]:
    """Wilson's interval of the mean, for as many images as would make it vary as the classes' recalls make it vary."""
    number = len(np.unique(units))
    if metric == "accuracy":
        return wilson(mean * number, number)
    variance, spread = 0.0, []
    for c in np.unique(labels):
        n = len(np.unique(units[labels == c]))
        share = (float(right[labels == c].mean()) * n + 1) / (n + 2)
        variance += share * (1 - share) / n
        spread.append(share * (1 - share))
    effective = float(np.mean(spread)) * len(spread) ** 2 / variance
    return wilson(mean * effective, effective)

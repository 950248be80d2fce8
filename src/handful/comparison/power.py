"""Power analysis: how many draws, test images or labels would separate the two best recipes."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from handful.comparison.result import ALPHA, PowerAnalysis, RecipePair
from handful.core.result import Result
from handful.errors import option
from handful.evaluation.design import design
from handful.evaluation.paired_difference import PairedDifference
from handful.evaluation.score_table import ScoreTable

REACH = 10  # times the images or draws that were run; the model is not extrapolated further


def analyze_power(
    table: ScoreTable, pairs: Sequence[RecipePair], curve: Sequence[ScoreTable], *, only_size: bool = True
) -> PowerAnalysis:
    """What would separate the two best recipes.

    The model: the gap and its spread over draws stay as they are. More draws narrow the t interval; more test images
    narrow the part of the bootstrap's variance that draws do not explain. Where train and test are re-split, only
    more images help beyond a few repeats, and the error of the gap falls with the square root of their number. With
    several numbers of images per class, a straight line of the gap over log M gives the number at which the gap alone
    would be wide enough. None of these is followed beyond ten times what was run.

    Args:
        table: scores at one number of images per class, best row first, at least two.
        pairs: of that table.
        curve: tables of this and smaller numbers, fewest images first.
        only_size: whether there is no other number of images per class in the comparison.
    """
    names = (table.results[0].recipe.name, table.results[1].recipe.name)
    pair = next(p for p in pairs if {p.comparison.a, p.comparison.b} == set(names))
    gap = abs(pair.comparison.mean)
    if pair.separable:
        return _nothing(names, f"{names[0]} and {names[1]} are already separable.", separable=True)
    if pair.comparison.verdict != "not separable":
        text = f"{names[0]} and {names[1]} would be separable if they were the only two; among all pairs they are not."
        return _nothing(names, text)
    differences = table.differences(0, 1)
    if len(differences) < 2:
        return _nothing(names, "One run does not show how scores vary between draws: run more draws.")
    if gap < 1e-9:
        return _nothing(names, f"{names[0]} and {names[1]} have equal scores.")
    spread, runs, first = float(differences.std(ddof=1)), len(differences), table.results[0]
    per_draw = len(first.runs) // table.draw_scores.shape[1]
    more_runs = _runs_needed(gap, spread, table.overlap, runs)
    draws = None if more_runs is None else math.ceil(more_runs / per_draw)
    images = _images_needed(pair.comparison, gap, spread, more_runs, table)
    error = spread * math.sqrt(1 / runs + table.overlap)
    per_class = _per_class_needed(names, curve, error, runs)
    text = _describe(names, draws, images, per_class, first, len(curve), only_size)
    return PowerAnalysis(*names, False, draws, images, per_class, text)


def _nothing(names: tuple[str, str], text: str, *, separable: bool = False) -> PowerAnalysis:
    return PowerAnalysis(*names, separable, None, None, None, text)


def _runs_needed(gap: float, spread: float, overlap: float, at_least: int) -> int | None:
    for n in range(at_least, REACH * at_least + 1):
        if stats.t.ppf(1 - ALPHA / 2, n - 1) * spread * math.sqrt(1 / n + overlap) < gap:
            return n
    return None


def _images_needed(
    difference: PairedDifference, gap: float, spread: float, runs: int | None, table: ScoreTable
) -> int | None:
    """Scored images in all; None: too many, or as many as there are will do."""
    n = len({i for run in table.results[0].runs for i in run.ids})
    if table.design == "re-split":
        needed = n * ((difference.high - difference.low) / 2 / gap) ** 2
    else:
        if runs is None or math.isnan(difference.image_low):
            return None
        z = float(stats.norm.ppf(1 - ALPHA / 2))
        variance = ((difference.image_high - difference.image_low) / 2 / z) ** 2
        of_images = max(0.0, variance - spread**2 / len(table.results[0].runs))
        rest = (gap / z) ** 2 - spread**2 * (1 / runs + table.overlap)
        needed = n * of_images / rest if rest > 0 else math.inf
    return math.ceil(needed) if n < needed <= REACH * n else None


def _per_class_needed(names: tuple[str, str], curve: Sequence[ScoreTable], error: float, runs: int) -> int | None:
    """Images per class at which the line through the gaps is as wide as the t interval's half."""
    points = []
    for table in curve:
        a, b = (table.row(name) for name in names)
        if a is not None and b is not None:
            means = table.means
            points.append((table.results[a].runs[0].per_class or 0, float(means[a]) - float(means[b])))
    if len(points) < 2:
        return None
    slope, start = np.polyfit(np.log([m for m, _ in points]), [g for _, g in points], 1)
    needed = float(stats.t.ppf(1 - ALPHA / 2, runs - 1)) * error
    last = points[-1][0]
    for m in range(last + 1, REACH * last + 1):
        if abs(start + slope * math.log(m)) > needed:
            return m
    return None


def _describe(
    names: tuple[str, str],
    draws: int | None,
    images: int | None,
    per_class: int | None,
    result: Result,
    sizes: int,
    only_size: bool,
) -> str:
    k = len(result.classes)
    needed = []
    if design(result) == "re-split":
        if images is not None:
            needed.append(f"about {_rounded(images)} labelled images in all ({_rounded(images / k)} per class)")
    else:
        parts = [f"{draws} draws"] if draws is not None and draws > len(result.runs) else []
        parts += [f"{_rounded(images)} test images"] if images is not None else []
        if parts:
            needed.append("about " + " and ".join(parts))
    both = f"{names[0]} and {names[1]}"
    unit = "images" if design(result) == "re-split" else "draws"
    lead = f"If the gap stays as it is, not even {REACH} times the {unit} would separate {both}."
    if needed:
        lead = f"If the gap stays as it is, {needed[0]} would separate {both}."
    if sizes < 2 and not only_size:
        return lead
    if sizes < 2:
        sizes_to_try = option("per_class", "5,10,25")
        return f"{lead} Compare several numbers of images per class to see how the gap changes ({sizes_to_try})."
    line = (
        f"about {per_class} images per class"
        if per_class is not None
        else f"none up to {REACH} times the largest number that was run"
    )
    return f"{lead} Extrapolated by a straight line through the gaps at fewer images: {line}."


def _rounded(value: float) -> int:
    """Rounded up to two digits: more would claim a precision that an estimate does not have."""
    size = int(10 ** max(0, math.floor(math.log10(value)) - 1))
    return math.ceil(value / size) * size

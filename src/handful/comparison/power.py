"""What it would take to tell the two best recipes apart, by a model that is simple enough to be said in a sentence."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from handful.comparison.result import ALPHA, PowerAnalysis, RecipePair
from handful.core.result import Result
from handful.evaluation.design import design, overlap
from handful.evaluation.metrics import Metric
from handful.evaluation.statistics import PairedDifference, differences, summarise

REACH = 10  # times the images or draws that were run: beyond, so simple a model says nothing


def analyze_power(
    ranked: Sequence[Result],
    pairs: Sequence[RecipePair],
    metric: Metric,
    curve: Sequence[Sequence[Result]],
    *,
    alone: bool = True,
) -> PowerAnalysis:
    """What would tell the best two apart.

    The model: the gap and its spread over draws stay as they are. More draws narrow the t interval; more test images
    narrow the part of the bootstrap's variance that draws do not explain. Where train and test are re-split, only
    more images help beyond a few repeats, and the error of the gap falls with the square root of their number. With
    several numbers of images per class, a straight line of the gap over log M says where the gap alone would be wide
    enough. None of these is followed beyond ten times what was run.

    Args:
        ranked: results of one level, best first, at least two.
        pairs: of that level.
        metric: what the gap is in.
        curve: results of this and smaller levels, fewest images first.
        alone: whether there is no other level at all.
    """
    a, b = ranked[0], ranked[1]
    names = (a.recipe.name, b.recipe.name)
    pair = next(p for p in pairs if {p.comparison.a, p.comparison.b} == set(names))
    if pair.separable:
        return PowerAnalysis(*names, True, None, None, None, f"{names[0]} and {names[1]} are told apart already.")
    if pair.comparison.verdict != "not separable":
        says = f"{names[0]} and {names[1]} would be told apart if they were the only two; among all pairs they are not."
        return PowerAnalysis(*names, False, None, None, None, says)
    each, shared = differences(a, b, metric), overlap(a)
    if len(each) < 2:
        return PowerAnalysis(*names, False, None, None, None, "One run says nothing of other draws: run more of them.")
    gap, spread = abs(pair.comparison.mean), float(each.std(ddof=1))
    if gap < 1e-9:
        return PowerAnalysis(
            *names, False, None, None, None, f"{names[0]} and {names[1]} are equal: nothing to tell apart."
        )
    per_draw = len(a.runs) // len({r.draw for r in a.runs})
    n = _runs_needed(gap, spread, shared, len(each))
    draws = None if n is None else math.ceil(n / per_draw)
    images = _images_needed(pair.comparison, gap, spread, shared, n, a)
    more = _more_per_class(names, curve, metric, spread * math.sqrt(1 / len(each) + shared), len(each))
    return PowerAnalysis(*names, False, draws, images, more, _says(names, draws, images, more, a, len(curve), alone))


def _runs_needed(gap: float, spread: float, shared: float, at_least: int) -> int | None:
    for n in range(at_least, REACH * at_least + 1):
        if stats.t.ppf(1 - ALPHA / 2, n - 1) * spread * math.sqrt(1 / n + shared) < gap:
            return n
    return None


def _images_needed(
    c: PairedDifference, gap: float, spread: float, shared: float, runs: int | None, result: Result
) -> int | None:
    """Scored images in all; None: too many, or those there are will do."""
    n = len({i for run in result.runs for i in run.ids})
    if shared:
        needed = n * ((c.high - c.low) / 2 / gap) ** 2
    else:
        if runs is None or math.isnan(c.image_low):
            return None
        z = float(stats.norm.ppf(1 - ALPHA / 2))
        of_images = max(0.0, ((c.image_high - c.image_low) / 2 / z) ** 2 - spread**2 / len(result.runs))
        needed = n * of_images / ((gap / z) ** 2 - spread**2 / runs)
    return math.ceil(needed) if n < needed <= REACH * n else None


def _more_per_class(
    names: tuple[str, str], curve: Sequence[Sequence[Result]], metric: Metric, error: float, runs: int
) -> int | None:
    points = []
    for level in curve:
        found = {r.recipe.name: r for r in level}
        if set(names) <= found.keys():
            a, b = (summarise(found[name], metric)[0] for name in names)
            points.append((a.per_class or 0, a.mean - b.mean))
    if len(points) < 2:
        return None
    slope, start = np.polyfit(np.log([m for m, _ in points]), [g for _, g in points], 1)
    needed = float(stats.t.ppf(1 - ALPHA / 2, runs - 1)) * error
    last = points[-1][0]
    for m in range(last + 1, REACH * last + 1):
        if abs(start + slope * math.log(m)) > needed:
            return m
    return None


def _says(
    names: tuple[str, str],
    draws: int | None,
    images: int | None,
    more: int | None,
    result: Result,
    levels: int,
    alone: bool,
) -> str:
    k = len(result.classes)
    says = []
    if design(result) == "re-split":
        if images is not None:
            says.append(f"about {_rounded(images)} labelled images in all ({_rounded(images / k)} per class)")
    else:
        parts = [f"{draws} draws"] if draws is not None and draws > len(result.runs) else []
        parts += [f"{_rounded(images)} test images"] if images is not None else []
        if parts:
            says.append("about " + " and ".join(parts))
    both = f"{names[0]} and {names[1]}"
    what = "images" if design(result) == "re-split" else "draws"
    lead = f"If the gap stays as it is, not even {REACH} times the {what} would tell {both} apart."
    if says:
        lead = f"If the gap stays as it is, {says[0]} would tell {both} apart."
    if levels < 2 and not alone:
        return lead
    if levels < 2:
        return f"{lead} How the gap moves with images per class takes several of them (--per-class 5,10,25)."
    line = f"about {more} images per class" if more is not None else f"none up to {REACH} times those that were run"
    return f"{lead} By a straight line through the gaps at fewer images: {line}."


def _rounded(value: float) -> int:
    """Two digits: more would promise what a guess cannot keep."""
    size = int(10 ** max(0, math.floor(math.log10(value)) - 1))
    return math.ceil(value / size) * size

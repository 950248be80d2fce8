"""What results on identical draws say together: ranks, pairs with a correction for their number, harm, outlook."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from handful.comparison.power import analyze_power
from handful.comparison.result import ALPHA, ClassRegression, RankedRecipe, RecipePair, Role, SizeResult, TuningResult
from handful.core.result import Result
from handful.evaluation.annotation_cost import AnnotationTimes, cost_points
from handful.evaluation.design import design, overlap
from handful.evaluation.intervals import bootstrap, mean_interval
from handful.evaluation.metrics import Metric, recalls
from handful.evaluation.multiple_testing import holm
from handful.evaluation.statistics import METRICS, differences, headline_metric, paired_difference, summarise
from handful.reports.text_tables import format_interval, format_probability, percent, signed

RESAMPLES = 1000


def rank_results(
    results: Sequence[Result], roles: Mapping[str, Role], studies: Sequence[TuningResult], times: AnnotationTimes
) -> tuple[SizeResult, ...]:
    """One level for each number of images per class, fewest first, ranked by accuracy (balanced where classes differ).

    Args:
        results: of all recipes on identical draws.
        roles: recipe name to its role.
        studies: the tuning behind them, for what it cost.
        times: a person's seconds.
    """
    groups: dict[int | None, list[Result]] = {}
    for result in results:
        groups.setdefault(result.runs[0].per_class, []).append(result)
    metric = headline_metric(results)
    order = sorted(groups, key=lambda m: math.inf if m is None else m)
    ranked = {m: _ranked(groups[m], roles, metric) for m in order}
    levels = []
    for m in order:
        own = ranked[m]
        entries = _entries(own, roles, [s for s in studies if s.per_class == m], times, metric)
        control = next((e.recipe for e in entries if e.role == "control"), None)
        pairs = all_pairs(own, metric)
        harms = () if control is None else _harms(own, roles, control)
        curve = [ranked[k] for k in order[: order.index(m) + 1] if k is not None and m is not None]
        outlook = analyze_power(own, pairs, metric, curve, alone=len(order) == 1) if len(own) > 1 else None
        level = SizeResult(m, metric, design(own[0]), entries, tuple(own), pairs, control, harms, outlook, "")
        levels.append(replace(level, answer=_answer(level)))
    return tuple(levels)


def _ranked(results: Sequence[Result], roles: Mapping[str, Role], metric: Metric) -> list[Result]:
    means = {r.recipe.name: s.mean for r, s in zip(results, summarise(results, metric), strict=True)}
    return sorted(results, key=lambda r: (-means[r.recipe.name], roles[r.recipe.name] == "method"))


def _entries(
    ranked: Sequence[Result],
    roles: Mapping[str, Role],
    studies: Sequence[TuningResult],
    times: AnnotationTimes,
    metric: Metric,
) -> tuple[RankedRecipe, ...]:
    found = []
    rows = zip(ranked, summarise(ranked, metric), cost_points(ranked, times), strict=True)
    for rank, (result, summary, point) in enumerate(rows, start=1):
        name = result.recipe.name
        spent = [s.seconds for s in studies if s.recipe == name]
        found.append(
            RankedRecipe(
                rank=rank,
                recipe=name,
                role=roles[name],
                summary=summary,
                label_minutes=point.labels * times.label / 60,
                mask_minutes=point.masks * times.mask / 60,
                train_seconds=float(np.mean([r.seconds for r in result.runs])),
                tuning_seconds=float(np.mean(spent)) if spent else 0.0,
            )
        )
    return tuple(found)


def all_pairs(ranked: Sequence[Result], metric: Metric) -> tuple[RecipePair, ...]:
    """Every pair once, the one ranked higher as A.

    Which two are looked at (the best, the runner-up, the best control) hangs on the scores themselves, so Holm's
    correction (1979, https://www.jstor.org/stable/4615733) is over all pairs, not over those two.
    """
    both = [(a, b) for i, a in enumerate(ranked) for b in ranked[i + 1 :]]
    compared = [paired_difference(a, b, metric, resamples=RESAMPLES) for a, b in both]
    adjusted = holm([c.p for c in compared])
    return tuple(
        RecipePair(c, chance_to_win(a, b, metric), p, bool(p < ALPHA) and c.verdict != "not separable")
        for (a, b), c, p in zip(both, compared, adjusted, strict=True)
    )


def chance_to_win(a: Result, b: Result, metric: Metric) -> float:
    """Probability that A scores above B on a new draw; NaN for one run.

    Posterior predictive under a normal model with a flat prior (Gelman et al., Bayesian Data Analysis, section 3.2):
    the difference on a new draw is Student t with J - 1 degrees of freedom, centred on the mean difference, with
    squared scale s^2 (1 + 1/J + 2 overlap). `overlap` (`repeats.overlap`) is 0 with a fixed test set; where train and
    test are re-split the runs are alike, so that s^2 underrates the variance of a new draw by the factor 1 + overlap,
    and of the mean by 1/J + overlap (Nadeau and Bengio 2003).
    """
    each = differences(a, b, metric)
    if len(each) < 2:
        return math.nan
    mean, spread = float(each.mean()), float(each.std(ddof=1))
    if spread < 1e-12:
        return 0.5 if abs(mean) < 1e-12 else float(mean > 0)
    scale = spread * math.sqrt(1 + 1 / len(each) + 2 * overlap(a))
    return float(stats.t.cdf(mean / scale, len(each) - 1))


def _harms(ranked: Sequence[Result], roles: Mapping[str, Role], control: str) -> tuple[ClassRegression, ...]:
    base = next(r for r in ranked if r.recipe.name == control)
    methods = [r for r in ranked if roles[r.recipe.name] == "method"]
    return tuple(h for method in methods for h in class_harms(method, base))


def class_harms(method: Result, control: Result) -> list[ClassRegression]:
    """Recall with the method minus that with the control, for each class that has test images."""
    place = {(r.draw, r.fold): r for r in control.runs}
    pairs = [(r, place[r.draw, r.fold]) for r in method.runs]
    k = len(method.classes)
    each = np.array([recalls(x.labels, x.predictions, k) - recalls(y.labels, y.predictions, k) for x, y in pairs])
    rows = []
    for c in range(k):
        own = each[:, c][~np.isnan(each[:, c])]
        if len(own):
            rows.append((c, float(own.mean()), *mean_interval(own, overlap(method))))
    adjusted = holm([row[-1] for row in rows])
    found = []
    for (c, mean, low, high, _), p in zip(rows, adjusted, strict=True):
        images = {i for x, _ in pairs for i, label in zip(x.ids, x.labels, strict=True) if label == c}
        worse = bool(mean < 0 and p < ALPHA) and _image_bound(method, control, c) < 0
        name, low, high = method.classes[c], float(np.clip(low, -1, 1)), float(np.clip(high, -1, 1))
        found.append(
            ClassRegression(method.recipe.name, control.recipe.name, name, len(images), mean, low, high, p, worse)
        )
    return found


def _image_bound(method: Result, control: Result, c: int) -> float:
    """Upper end of the bootstrap over draws and images of one class."""
    place = {(r.draw, r.fold): r for r in control.runs}
    column = {i: n for n, i in enumerate(sorted({i for r in method.runs for i in r.ids}))}
    table = np.full((len(method.runs), len(column)), np.nan)
    for row, x in enumerate(method.runs):
        y = place[x.draw, x.fold]
        other = dict(zip(y.ids, y.predictions == y.labels, strict=True))
        for i, label, said in zip(x.ids, x.labels, x.predictions, strict=True):
            if label == c:
                table[row, column[i]] = float(said == label) - float(other[i])
    table = table[:, ~np.isnan(table).all(axis=0)]
    return bootstrap(table, [np.arange(table.shape[1])], RESAMPLES, np.random.default_rng(0))[1]


def _answer(level: SizeResult) -> str:
    """The answer of one level in one sentence."""
    best = level.best
    row = best.summary
    images = "all labelled images" if level.per_class is None else f"{level.per_class} labelled images per class"
    images = images.replace("1 labelled images", "1 labelled image") if level.per_class == 1 else images
    runs = (
        "one run" if row.design == "one run" else f"{row.runs} runs" if row.runs > row.draws else f"{row.draws} draws"
    )
    bounds = "no interval" if math.isnan(row.low) else f"95 % interval {format_interval(row.low, row.high)}"
    score = f"{percent(row.mean)} % {METRICS[row.metric]} ({runs}, {bounds}, worst {percent(row.worst)})"
    lead = f"With {images}, {best.recipe} is ahead with {score}"
    if len(level.entries) == 1:
        return f"{lead}; nothing else was run."
    second = level.entries[1].recipe
    rival = second if level.control in (None, best.recipe) else level.control
    assert rival is not None
    pair = level.pair(best.recipe, rival)
    kind = "the best control" if rival == level.control else "the next best"
    c = pair.comparison
    difference = f"{signed(c.mean)} points, {signed(c.low)} to {signed(c.high)}"
    if not math.isnan(pair.probability):
        difference += f"; {format_probability(pair.probability)} to win a new draw"
    itself = ", itself a control" if best.role == "control" else ""
    if pair.separable:
        return f"{lead}{itself}, and better than {rival}, {kind} ({difference})."
    return f"{lead}{itself}, but not separable from {rival}, {kind} ({difference})."

"""Ranking of recipes on identical draws: pairs corrected for their number, classes that got worse, power analysis."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy import stats

from handful.comparison.power import analyze_power
from handful.comparison.result import ALPHA, ClassRegression, RankedRecipe, RecipePair, Role, SizeResult, TuningResult
from handful.core.result import Result
from handful.evaluation.annotation_cost import AnnotationTimes, masks_to_draw
from handful.evaluation.intervals import bootstrap, mean_interval
from handful.evaluation.multilabel_metrics import is_multilabel
from handful.evaluation.multiple_testing import holm
from handful.evaluation.paired_difference import difference_of
from handful.evaluation.score_table import ScoreTable, score_table
from handful.evaluation.statistics import METRIC_NAMES, headline_metric, summary_of
from handful.reports.text_tables import format_interval, format_probability, percent, signed

RESAMPLES = 1000  # of the bootstrap


def rank_results(
    results: Sequence[Result], roles: Mapping[str, Role], studies: Sequence[TuningResult], times: AnnotationTimes
) -> tuple[SizeResult, ...]:
    """Rank recipes by accuracy (balanced accuracy where classes differ), for each number of images per class.

    Of images with several labels, by mean AP.

    Args:
        results: of all recipes, on identical draws at each number of images per class.
        roles: recipe name to its role.
        studies: the tuning of the recipes, for its cost.
        times: a person's seconds.

    Returns:
        One result per number of images per class, fewest first.
    """
    groups: dict[int | None, list[Result]] = {}
    for result in results:
        groups.setdefault(result.runs[0].per_class, []).append(result)
    metric = headline_metric(results)
    order = sorted(groups, key=lambda m: math.inf if m is None else m)
    tables = {m: _ranked(score_table(groups[m], metric), roles) for m in order}
    levels = []
    for m in order:
        table = tables[m]
        entries = _entries(table, roles, [s for s in studies if s.per_class == m], times)
        control = next((e.recipe for e in entries if e.role == "control"), None)
        pairs = all_pairs(table)
        regressions = () if control is None else _regressions(table, roles, control)
        curve = [tables[k] for k in order[: order.index(m) + 1] if k is not None and m is not None]
        power = analyze_power(table, pairs, curve, only_size=len(order) == 1) if len(entries) > 1 else None
        level = SizeResult(m, metric, table.design, entries, table.results, pairs, control, regressions, power, "")
        levels.append(replace(level, answer=_answer(level)))
    return tuple(levels)


def _ranked(table: ScoreTable, roles: Mapping[str, Role]) -> ScoreTable:
    """The rows by their means, best first; of equals, controls first."""
    names = [result.recipe.name for result in table.results]
    means = table.means
    return table.select(sorted(range(len(names)), key=lambda i: (-means[i], roles[names[i]] == "method")))


def _entries(
    table: ScoreTable, roles: Mapping[str, Role], studies: Sequence[TuningResult], times: AnnotationTimes
) -> tuple[RankedRecipe, ...]:
    entries = []
    for row, result in enumerate(table.results):
        name, summary = result.recipe.name, summary_of(table, row)
        masks = masks_to_draw(result.recipe, summary.per_class, images=summary.n_train, classes=summary.classes)
        spent = [s.seconds for s in studies if s.recipe == name]
        entries.append(
            RankedRecipe(
                rank=row + 1,
                recipe=name,
                role=roles[name],
                summary=summary,
                label_minutes=summary.n_train * times.label / 60,
                mask_minutes=masks * times.mask / 60,
                train_seconds=float(np.mean([r.seconds for r in result.runs])),
                tuning_seconds=float(np.mean(spent)) if spent else 0.0,
            )
        )
    return tuple(entries)


def all_pairs(table: ScoreTable) -> tuple[RecipePair, ...]:
    """Every pair of rows once, the one ranked higher as A.

    Which pairs a reader looks at (the best, the runner-up, the best control) depends on the scores themselves, so
    Holm's correction is over all pairs, not over those that are shown.
    """
    n = len(table.results)
    rows = [(a, b) for a in range(n) for b in range(a + 1, n)]
    differences = [difference_of(table, a, b, resamples=RESAMPLES) for a, b in rows]
    adjusted = holm([d.p for d in differences])
    return tuple(
        RecipePair(
            difference,
            chance_to_win(table.differences(a, b), table.overlap),
            p,
            bool(p < ALPHA) and difference.verdict != "not separable",
        )
        for (a, b), difference, p in zip(rows, differences, adjusted, strict=True)
    )


def chance_to_win(differences: Float[np.ndarray, " j"], overlap: float) -> float:
    """Probability that A scores above B on a new draw; NaN for one run.

    Posterior predictive under a normal model with a flat prior (Gelman et al., Bayesian Data Analysis, section 3.2):
    the difference on a new draw is Student t with J - 1 degrees of freedom, centered on the mean difference, with
    squared scale s^2 (1 + 1/J + 2 overlap). Draws from one pool resemble each other, and more so where train and test
    are re-split, so that s^2 underestimates the variance of a new draw by the factor 1 + overlap, and that of the mean
    by 1/J + overlap (Nadeau and Bengio 2003).

    Args:
        differences: score of A minus that of B in each run.
        overlap: of the runs, as of `handful.evaluation.design.overlap`.
    """
    j = len(differences)
    if j < 2:
        return math.nan
    mean, spread = float(differences.mean()), float(differences.std(ddof=1))
    if spread < 1e-12:
        return 0.5 if abs(mean) < 1e-12 else float(mean > 0)
    scale = spread * math.sqrt(1 + 1 / j + 2 * overlap)
    return float(stats.t.cdf(mean / scale, j - 1))


def _regressions(table: ScoreTable, roles: Mapping[str, Role], control: str) -> tuple[ClassRegression, ...]:
    base = table.row(control)
    assert base is not None
    methods = [row for row, result in enumerate(table.results) if roles[result.recipe.name] == "method"]
    return tuple(r for method in methods for r in class_regressions(table, method, base))


def class_regressions(table: ScoreTable, method: int, control: int) -> list[ClassRegression]:
    """Recall in the method's row minus that in the control's, for each class that has test images.

    Of images with several labels, AP, which no choice of thresholds changes.
    """
    several = is_multilabel(table.results[method])
    by_class = table.average_precisions if several else table.recalls
    by_run = by_class[method] - by_class[control]
    classes = [c for c in range(by_run.shape[1]) if not np.isnan(by_run[:, c]).all()]
    differences = [by_run[~np.isnan(by_run[:, c]), c] for c in classes]
    intervals = [mean_interval(d, table.overlap) for d in differences]
    adjusted = holm([p for _, _, p in intervals])
    regressions = []
    for c, difference, (low, high, _), p in zip(classes, differences, intervals, adjusted, strict=True):
        mean = float(difference.mean())
        regressions.append(
            ClassRegression(
                recipe=table.results[method].recipe.name,
                control=table.results[control].recipe.name,
                name=table.results[method].classes[c],
                images=table.images_of(c),
                mean=mean,
                low=float(np.clip(low, -1, 1)),
                high=float(np.clip(high, -1, 1)),
                p_adjusted=p,
                worse=bool(mean < 0 and p < ALPHA) and _image_bound(table, method, control, c) < 0,
            )
        )
    return regressions


def _image_bound(table: ScoreTable, method: int, control: int, c: int) -> float:
    """Upper end of the bootstrap interval over runs and images of one class."""
    if is_multilabel(table.results[method]):
        return float(np.nanpercentile(table.resampled[method, :, c] - table.resampled[control, :, c], 97.5))
    of_class = table.image_differences(method, control)[:, table.labels == c]
    return bootstrap(of_class, [np.arange(of_class.shape[1])], RESAMPLES, np.random.default_rng(0))[1]


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
    score = f"{percent(row.mean)} % {METRIC_NAMES[row.metric]} ({runs}, {bounds}, worst {percent(row.worst)})"
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

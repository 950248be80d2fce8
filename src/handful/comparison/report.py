"""HTML page of a comparison: the answer, the scores behind it, the costs, and how to reproduce it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from handful.comparison.figures import difference_figure
from handful.comparison.result import ClassRegression, ComparisonResult, RankedRecipe, SizeResult
from handful.comparison.text import p_value, settings_taken, shown_pairs
from handful.core.dataset import Dataset
from handful.core.files import refuse_existing
from handful.core.result import Result
from handful.evaluation.annotation_cost import CostPoint, cost_points
from handful.evaluation.confusion import largest_confusions
from handful.evaluation.multilabel import class_scores
from handful.evaluation.multilabel_metrics import is_multilabel
from handful.evaluation.statistics import METRIC_NAMES
from handful.models.classifier import Classifier
from handful.reports.html import (
    MOST_CONFUSIONS,
    confusion_table,
    duration,
    gallery_values,
    recalls,
    reproduction,
    write_page,
)
from handful.reports.level_tables import tree_section
from handful.reports.multilabel_section import multilabel_section
from handful.reports.plots import SERIES, as_svg, cost_figure, sweep_figure
from handful.reports.text_tables import format_probability, interval_notes

MOST_CURVES = len(SERIES)  # more would repeat colors and markers
LONG_ANSWER = 120  # characters; a longer answer is not set as large as a headline


def write_comparison(
    outcome: ComparisonResult,
    path: Path,
    *,
    data: Dataset | None = None,
    classifier: Classifier | None = None,
    command: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a comparison as one HTML file that needs no network and no other file, and return its path.

    Args:
        outcome: a result of `compare`.
        path: the file; its folder is made.
        data: shows the worst mistakes of the best recipe, and says what was scored.
        classifier: one of the recipes, trained: shows examples of what it sees, and its maps where it segments.
        command: to repeat it; by default this process's, where that is `handful`.
        overwrite: replace the file if there is one.

    Raises:
        OutputError: the file exists and `overwrite` is false.
    """
    refuse_existing(path, overwrite=overwrite)
    levels = outcome.levels[::-1]
    last = levels[0]
    several = is_multilabel(last.results[0])
    values = {
        "title": "Which method to use, and how sure that is",
        "outcome": outcome,
        "curve": _curve(outcome),
        "left_out": max(0, len(last.entries) - MOST_CURVES),
        "levels": [_level(level) for level in levels],
        "metric": METRIC_NAMES[last.metric],
        "multilabel": multilabel_section(last.results[0], data),
        "confused": [] if several else _confused(last),
        "long": len(outcome.answer) > LONG_ANSWER,
        "pictures": _pictures(last, None if several else data, classifier),
        "whose": f"{last.best.recipe}{'' if last.per_class is None else f' at {last.per_class} per class'}",
        "cost": _cost(outcome),
        "tuning": _tuning(outcome),
        "repeat": _repeat(outcome, data, command),
        "chance": format_probability,
        "p_value": p_value,
        "duration": duration,
    }
    return write_page(path, "comparison.html.j2", values)


def _curve(outcome: ComparisonResult) -> Markup | None:
    """Scores over images per class, of the first few recipes at the largest number and the best control."""
    if len(outcome.levels) < 2:
        return None
    shown = _most(outcome.levels[-1])
    rows = [e.summary for level in outcome.levels for e in level.entries if e.recipe in shown]
    rows.sort(key=lambda r: shown.index(r.recipe))
    return Markup(as_svg(sweep_figure(rows), salt="curve"))


def _most(level: SizeResult) -> list[str]:
    names = [e.recipe for e in level.entries][:MOST_CURVES]
    if level.control is not None and level.control not in names:
        names[-1] = level.control
    return names


def _level(level: SizeResult) -> dict[str, Any]:
    pairs = shown_pairs(level)
    tests = sorted({e.summary.n_test for e in level.entries})
    return {
        "title": "All labelled images" if level.per_class is None else f"{level.per_class} per class",
        "answer": level.answer,
        "entries": level.entries,
        "metric": METRIC_NAMES[level.metric],
        "note": "; ".join(interval_notes([e.summary for e in level.entries])),
        "n_test": str(tests[0]) if len(tests) == 1 else f"{tests[0]} to {tests[-1]}",
        "figure": Markup(as_svg(difference_figure(pairs), salt=f"pairs{level.per_class}")) if pairs else None,
        "pairs": pairs,
        "others": [p for p in level.pairs if p not in pairs],
        "number": len(level.pairs),
        "outlook": None if level.outlook is None else level.outlook.says,
        "control": level.control,
        "tree": tree_section(level.results, level.metric),
        "classes": _classes(level),
        "recalls": [] if level.harms or is_multilabel(level.results[0]) else recalls(level.results[0]),
    }


def _classes(level: SizeResult) -> list[dict[str, Any]]:
    """Recalls of each method next to those of the best control, classes that got worse first."""
    names = [e.recipe for e in level.entries if e.role == "method"]
    tables = []
    for name in names if level.harms else ():
        rows = sorted((h for h in level.harms if h.recipe == name), key=lambda h: (not h.worse, h.mean))
        tables.append({"recipe": name, "rows": _recalled(level, rows), "worse": sum(h.worse for h in rows)})
    return tables


def _recalled(level: SizeResult, rows: Sequence[ClassRegression]) -> list[tuple[ClassRegression, float, float]]:
    """Each class's difference, with the recalls (APs of several labels per image) of the method and of the control."""
    of = {result.recipe.name: _of_classes(result) for result in level.results}
    return [(h, of[h.recipe].get(h.name, 0.0), of[h.control].get(h.name, 0.0)) for h in rows]


def _of_classes(result: Result) -> dict[str, float]:
    """The recall of each class; of several labels per image, its AP."""
    if is_multilabel(result):
        return {row.name: row.average_precision for row in class_scores(result)}
    return {row["name"]: row["mean"] for row in recalls(result)}


def _confused(level: SizeResult) -> list[dict[str, Any]]:
    """Confusions of the best recipe and of the best control."""
    names = dict.fromkeys(n for n in (level.best.recipe, level.control) if n is not None)
    of = {result.recipe.name: result for result in level.results}
    return [
        {"recipe": n, "matrix": confusion_table(of[n]), "confusions": largest_confusions(of[n], MOST_CONFUSIONS)}
        for n in names
    ]


def _pictures(level: SizeResult, data: Dataset | None, classifier: Classifier | None) -> dict[str, Any]:
    """Mistakes of the best recipe, and examples of the classifier, whose maps are shown for its own mistakes only."""
    best = level.results[0]
    if classifier is None or classifier.recipe.name == best.recipe.name:
        return gallery_values(best, data, classifier)
    shown: Result = next((r for r in level.results if r.recipe.name == classifier.recipe.name), best)
    values = gallery_values(shown, data, classifier)
    return {**values, "mistakes": gallery_values(best, data, None)["mistakes"]}


def _cost(outcome: ComparisonResult) -> dict[str, Any]:
    """Annotation time and computing time, with the scores reached."""
    last = outcome.levels[-1]
    shown = _most(last)
    machine = [_spent(e, last) for e in last.entries if e.recipe in shown]
    points = [p for level in outcome.levels for p in cost_points(level.results, outcome.times) if p.recipe in shown]
    points.sort(key=lambda p: shown.index(p.recipe))
    person = any(p.masks for p in points)
    return {
        "machine": Markup(as_svg(cost_figure(machine, time="tuning and training, one draw"), salt="machine")),
        "person": Markup(as_svg(cost_figure(points), salt="person")) if person else None,
        "levels": [(_level_name(level), level.entries) for level in outcome.levels[::-1]],
        "masks": any(e.mask_minutes for level in outcome.levels for e in level.entries),
    }


def _spent(entry: RankedRecipe, level: SizeResult) -> CostPoint:
    row = entry.summary
    hours = max(entry.tuning_seconds + entry.train_seconds, 1e-3) / 3600
    return CostPoint(
        entry.recipe,
        level.per_class,
        row.n_train,
        0,
        hours,
        row.mean,
        row.low,
        row.high,
        row.worst,
        row.draws,
        metric=row.metric,
    )


def _level_name(level: SizeResult) -> str:
    return "all labelled images" if level.per_class is None else f"{level.per_class} per class"


def _tuning(outcome: ComparisonResult) -> list[dict[str, Any]]:
    """What tuning each recipe cost over all draws, and the settings that it chose."""
    rows = []
    for name in dict.fromkeys(s.recipe for s in outcome.studies):
        studies = [s for s in outcome.studies if s.recipe == name]
        trials = sorted({s.trials for s in studies})
        rows.append(
            {
                "recipe": name,
                "trials": str(trials[0]) if len(trials) == 1 else f"{trials[0]} to {trials[-1]}",
                "pruned": sum(s.pruned for s in studies),
                "steps": sum(s.steps for s in studies),
                "seconds": sum(s.seconds for s in studies),
                "changed": f"{sum(bool(s.values) for s in studies)} of {len(studies)}",
                "taken": settings_taken(studies),
            }
        )
    return rows


def _repeat(outcome: ComparisonResult, data: Dataset | None, command: str | None) -> list[tuple[str, str]]:
    rows = reproduction(outcome.results, data, command)
    budget = outcome.budget
    spent = "nothing was tuned"
    if budget.trials is not None:
        spent = f"{budget.trials} trials per recipe and draw"
    elif budget.share is not None and budget.seconds is not None:
        spent = f"{duration(budget.seconds)} in all, {duration(budget.share)} of training per recipe and draw"
    rows.insert(2, ("Tuning", f"{spent}; {budget.jobs} jobs in parallel"))
    if data is None and "data" in outcome.facts:
        rows.insert(2, ("Data", f"{outcome.facts['data']} ({outcome.facts.get('images')} images)"))
    return rows

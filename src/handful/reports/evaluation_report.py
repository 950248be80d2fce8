"""The HTML report of an evaluation: one self-contained file, from the answer to how to reproduce it."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from markupsafe import Markup

from handful.core.dataset import Dataset
from handful.core.files import refuse_existing
from handful.core.result import Result
from handful.errors import ProtocolError
from handful.evaluation.annotation_cost import AnnotationTimes, CostPoint, break_evens
from handful.evaluation.confusion import largest_confusions
from handful.evaluation.design import smallest
from handful.evaluation.metrics import AnyMetric
from handful.evaluation.multilabel_metrics import is_multilabel
from handful.evaluation.paired_difference import PairedDifference, paired_difference
from handful.evaluation.statistics import METRIC_NAMES, ScoreSummary, headline_metric, metrics_of, summarise
from handful.models.classifier import Classifier
from handful.reports import reliability_diagram
from handful.reports.html import (
    MOST_CONFUSIONS,
    confusion_table,
    gallery_values,
    recalls,
    reproduction,
    signed_points,
    write_page,
)
from handful.reports.level_tables import tree_section
from handful.reports.multilabel_section import multilabel_section
from handful.reports.plots import as_svg, cost_figure, sweep_figure
from handful.reports.text_tables import flop_unit, format_interval, interval_notes, percent


def write_report(
    results: Sequence[Result],
    path: Path,
    *,
    data: Dataset | None = None,
    classifier: Classifier | None = None,
    metric: AnyMetric | None = None,
    cost: Sequence[CostPoint] = (),
    times: AnnotationTimes | None = None,
    title: str = "How far a handful of labels goes",
    answer: Sequence[str] = (),
    note: str = "",
    command: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the report of one or more evaluations, and return its path.

    Args:
        results: results of `evaluate` or `sweep`; those on identical draws are compared.
        path: the HTML file. It needs no network and no other file.
        data: shows the worst mistakes, and says which data was scored.
        classifier: shows example images with its predictions, and its maps where it segments.
        metric: metric of the answer and the curves; None: accuracy, or balanced accuracy if classes of a result
            differ in their number of training images; of several labels per image, mean AP.
        cost: points of `annotation_cost.cost_points`, for the curve over annotation hours.
        times: seconds per label and mask that these points assume.
        title: heading.
        answer: sentences below the heading; by default the best recipe's score, and its lead over the next.
        note: a sentence of your own below the answer.
        command: the command that reproduces the report; by default that of this process.
        overwrite: replace the file if there is one.

    Raises:
        OutputError: the file exists and `overwrite` is false.
        ProtocolError: there are no results.
    """
    refuse_existing(path, overwrite=overwrite)
    if not results:
        raise ProtocolError("nothing to report", where=path, remedy="evaluate a recipe first.")
    chosen = metric or headline_metric(results)
    rows = summarise(results, chosen)
    focus, row = _focus(results, rows)
    pairs, unpaired = _pairs(results, chosen)
    several = is_multilabel(focus)
    values = {
        "title": title,
        "note": note,
        "answer": answer or _answer(row, _of_row(pairs, row), rows) + _name_weights(results, row),
        "development": _development(results, data),
        "metric": METRIC_NAMES[chosen],
        "curve": _sweep_curve(rows),
        "groups": _groups(rows),
        "thirds": _groups([r for r in rows if r.thirds]),
        "tree": tree_section(results, chosen),
        "others": [(METRIC_NAMES[m], _groups(summarise(results, m))) for m in metrics_of(focus) if m != chosen],
        "designs": interval_notes(rows),
        "pairs": pairs,
        "pair_names": list(dict.fromkeys((c.a, c.b) for c in pairs)),
        "unpaired": unpaired,
        "calibration": None if several else reliability_diagram.calibration_section(results, focus),
        "cost": _cost(cost, times),
        "focus": row,
        "multilabel": multilabel_section(focus, data),
        "recalls": [] if several else recalls(focus),
        "matrix": None if several else confusion_table(focus),
        "confusions": [] if several else largest_confusions(focus, MOST_CONFUSIONS),
        "pictures": gallery_values(focus, None if several else data, classifier),
        "repeat": reproduction(results, data, command),
    }
    return write_page(path, "report.html.j2", values)


def _focus(results: Sequence[Result], rows: Sequence[ScoreSummary]) -> tuple[Result, ScoreSummary]:
    """The best recipe at the largest number of training images."""
    most = max(r.n_train for r in rows)
    best = max((i for i, r in enumerate(rows) if r.n_train == most), key=lambda i: rows[i].mean)
    return results[best], rows[best]


def _pairs(results: Sequence[Result], metric: AnyMetric) -> tuple[list[PairedDifference], bool]:
    """All pairs at each number of images, or with more than three recipes each against the first."""
    groups: dict[tuple[int | None, int | None], list[Result]] = {}
    for result in results:
        groups.setdefault((result.runs[0].per_class, smallest(result)), []).append(result)
    pairs, unpaired = [], False
    for group in groups.values():
        few = len(group) <= 3
        for b, a in combinations(group, 2) if few else ((group[0], other) for other in group[1:]):
            try:
                pairs.append(paired_difference(a, b, metric))
            except ProtocolError:
                unpaired = True
    return pairs, unpaired


def _of_row(pairs: Sequence[PairedDifference], row: ScoreSummary) -> list[PairedDifference]:
    """The differences to the recipe of a row, at its number of images."""
    at = (row.per_class, row.smallest)
    return [pair for pair in pairs if row.recipe in (pair.a, pair.b) and (pair.per_class, pair.smallest) == at]


def _answer(row: ScoreSummary, pairs: Sequence[PairedDifference], rows: Sequence[ScoreSummary]) -> list[str]:
    images = "all labelled images" if row.per_class is None else f"{row.per_class} labelled {_images(row)} per class"
    if row.smallest is not None:
        images = f"{row.per_class} labelled images of the largest class and {row.smallest} of the smallest"
    runs = (
        "one run" if row.design == "one run" else f"{row.runs} runs" if row.runs > row.draws else f"{row.draws} draws"
    )
    sentences = [
        f"With {images}, {row.recipe} reaches {percent(row.mean)}\u00a0% {METRIC_NAMES[row.metric]} "
        f"({runs}, 95\u00a0% interval {format_interval(row.low, row.high)}, worst draw {percent(row.worst)})."
    ]
    rivals = [r for r in rows if r.n_train == row.n_train and r.recipe != row.recipe]
    if rivals:
        rival = max(rivals, key=lambda r: r.mean).recipe
        for pair in pairs:
            if rival in (pair.a, pair.b):
                sign = 1 if pair.a == row.recipe else -1
                low, high = sorted((sign * pair.low, sign * pair.high))
                lead = f"{signed_points(sign * pair.mean)} points ({signed_points(low)} to {signed_points(high)})"
                clear = pair.verdict != "not separable"
                sentences.append(
                    f"It is better than {rival}, the next best: {lead}."
                    if clear
                    else f"Its lead over {rival}, the next best, is not separable from chance: {lead}."
                )
    return sentences


def _name_weights(results: Sequence[Result], row: ScoreSummary) -> list[str]:
    """A sentence for each recipe, at the number of images of `row`, that has the class names as a prior."""
    sentences = []
    for result in results:
        weights = [run.name_weight for run in result.runs if run.name_weight is not None]
        if not weights or result.runs[0].per_class != row.per_class:
            continue
        low, high, silent = min(weights), max(weights), sum(weight == 0 for weight in weights)
        mean = f"{sum(weights) / len(weights):.3g}"
        text = f"{result.recipe.name} adds the class names as a prior, of weight {mean}"
        text += f" on average ({low:.3g} to {high:.3g})" if low < high else ""
        if silent:
            text += f"; in {silent} of {len(weights)} runs the names said nothing of the images, and weigh 0"
        sentences.append(f"{text}.")
    return sentences


def _images(row: ScoreSummary) -> str:
    return "image" if row.per_class == 1 else "images"


def _development(results: Sequence[Result], data: Dataset | None) -> bool:
    """Whether scores come from training images although the data has a test part."""
    if data is None:
        return False
    scored = {s.id for s in data.samples if s.split in ("test", "val")}
    return bool(len(data.split("test"))) and not any(scored & set(r.runs[0].ids) for r in results)


def _groups(rows: Sequence[ScoreSummary]) -> list[tuple[str, list[ScoreSummary]]]:
    names = dict.fromkeys(r.recipe for r in rows)
    return [(name, [r for r in rows if r.recipe == name]) for name in names]


def _sweep_curve(rows: Sequence[ScoreSummary]) -> Markup | None:
    if len({r.n_train for r in rows}) < 2:
        return None
    return Markup(as_svg(sweep_figure(rows), salt="sweep"))


def _cost(points: Sequence[CostPoint], times: AnnotationTimes | None) -> dict[str, Any] | None:
    if not points:
        return None
    return {
        "figure": Markup(as_svg(cost_figure(points), salt="cost")),
        "points": points,
        "says": [b.says + "." for b in break_evens(points)],
        "times": times,
        "unit": flop_unit(points),
        "compute": any(p.flops for p in points),
    }

"""Scores of groups of classes, at each level of a class tree, as tables for the terminal and for pages."""

from collections.abc import Sequence
from typing import Any

from handful.core.result import Result
from handful.core.text import wrap
from handful.evaluation.levels import LevelSummary, summarise_levels
from handful.evaluation.metrics import AnyMetric
from handful.evaluation.statistics import METRIC_NAMES
from handful.reports.text_tables import HEADS, format_interval, images_per_class, layout_table, percent


def format_levels(rows: Sequence[LevelSummary], *, width: int = 80, unit: str = "images") -> str:
    """A table that fits `width` columns (48 at least), with what it counts below; `unit`: what is scored."""
    order = list(dict.fromkeys(r.recipe for r in rows))
    rows = sorted(rows, key=lambda r: order.index(r.recipe))
    heads = ("M", "level", "groups", HEADS[rows[0].metric], "95 % interval", "worst")
    cells = [
        (
            images_per_class(r, ":"),
            str(r.level),
            str(r.classes),
            percent(r.mean),
            format_interval(r.low, r.high),
            percent(r.worst),
        )
        for r in rows
    ]
    body = layout_table([(r.recipe,) for r in rows], "recipe", heads, cells, width)
    return "\n".join([*body, "", *wrap(note_of(rows, unit=unit), width)])


def note_of(rows: Sequence[LevelSummary], *, unit: str = "images") -> str:
    """What scores of groups count."""
    return (
        f"percent {METRIC_NAMES[rows[0].metric]} of {unit} in groups of the tree: right is a predicted class in the "
        "group of the true one. Level 1 is the coarsest."
    )


def tree_section(results: Sequence[Result], metric: AnyMetric) -> dict[str, Any] | None:
    """The scores of groups for a page, by recipe, and what they count; None without a tree."""
    rows = summarise_levels(results, metric)
    if not rows:
        return None
    names = dict.fromkeys(row.recipe for row in rows)
    groups = [(name, [row for row in rows if row.recipe == name]) for name in names]
    return {"groups": groups, "metric": METRIC_NAMES[metric], "note": note_of(rows)}

"""Reliability diagrams, and the calibration section of the report."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from handful.core.result import Result
from handful.evaluation.calibration import CalibrationSummary, reliability_bins, summarise_calibration
from handful.reports.plots import FAINT, INK, SERIES, STYLE, as_svg
from handful.reports.text_tables import format_measure

MOST_RECIPES = 4
MOST_AREA = 260.0  # of a marker, in square points


@mpl.rc_context(STYLE)
def reliability_figure(result: Result) -> Figure:
    """Accuracy against confidence in ten bins; below the diagonal the model is overconfident.

    Bars are 95 % Wilson intervals that count each image once; a marker's area is the share of the images in its bin.
    """
    figure = Figure(figsize=(4.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)
    axes.tick_params(colors=INK, length=0)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.plot([0, 100], [0, 100], color=INK, linewidth=1, linestyle=":")
    bins = reliability_bins(result)
    x, y = (100 * np.array([getattr(b, name) for b in bins]) for name in ("confidence", "accuracy"))
    low, high = (100 * np.array([getattr(b, name) for b in bins]) for name in ("accuracy_low", "accuracy_high"))
    share = np.array([b.images for b in bins]) / sum(b.images for b in bins)
    bars = np.abs(np.array([y - low, high - y]))
    axes.errorbar(x, y, yerr=bars, color=SERIES[0], linewidth=1.2, elinewidth=1.2)
    axes.scatter(x, y, s=np.maximum(14, MOST_AREA * share / share.max()), color=SERIES[0], zorder=3, clip_on=False)
    axes.set_xlim(0, 101)
    axes.set_ylim(0, 101)
    axes.set_aspect("equal")
    axes.set_xlabel("confidence, %", color=INK)
    axes.set_ylabel("accuracy, %", color=INK)
    return figure


def calibration_section(results: Sequence[Result], focus: Result) -> dict[str, Any]:
    """Values of the calibration section: the diagram of `focus`, and measures of all recipes at its size."""
    per_class = focus.runs[0].per_class
    shown = [focus, *(r for r in results if r is not focus and r.runs[0].per_class == per_class)][:MOST_RECIPES]
    rows = summarise_calibration(shown, resamples=300)
    return {
        "figure": Markup(as_svg(reliability_figure(focus), salt="reliability")),
        "recipe": focus.recipe.name,
        "groups": [(r.recipe.name, [row for row in rows if row.recipe == r.recipe.name]) for r in shown],
        "error": next(row for row in rows if row.measure == "expected calibration error"),
        "value": format_measure,
        "interval": _interval,
        "unit": lambda row: ", %" if format_measure(row, 0.0) == "0.0" else "",
    }


def _interval(row: CalibrationSummary) -> str:
    return "n/a" if np.isnan(row.low) else f"{format_measure(row, row.low)} to {format_measure(row, row.high)}"

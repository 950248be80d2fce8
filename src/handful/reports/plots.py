"""Figures: scores against images per class, accuracy against annotation hours; as files, or as SVG for a page."""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from handful.core.files import refuse_existing, write_atomically
from handful.errors import OutputError
from handful.evaluation.annotation_cost import CostPoint
from handful.evaluation.statistics import METRIC_NAMES, ScoreSummary

# Blue, vermillion, green, purple, brown, gray: far dodge for color-blind eyes, and at 3:1 or more on white. Lines also
# differ by marker and dash. The report replaces each by a style variable, so that a dark page gets lighter ones.
SERIES = ("#0066a6", "#c44900", "#00775a", "#9a3f86", "#7a5c00", "#4d5661")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (3, 3)))
INK, FAINT = "#1d2126", "#c9ced4"
STYLE: Any = {
    "svg.fonttype": "none",
    "font.size": 11,
    "font.family": "sans-serif",
    "axes.unicode_minus": False,
    "text.parse_math": False,
}

DURATIONS = (1 / 3600, 1 / 360, 1 / 60, 1 / 6, 1, 10, 100, 1000, 10000)  # hours


@mpl.rc_context(STYLE)
def sweep_figure(rows: Sequence[ScoreSummary]) -> Figure:
    """Score against images per class, one line per recipe; bars are 95 % intervals, crosses the worst draws."""
    figure, axes = new_figure()
    names = list(dict.fromkeys(r.recipe for r in rows))
    numbers = sorted({_x_position(r) for r in rows})
    dodge = (1.8 * numbers[-1] / numbers[0]) ** 0.018
    for i, name in enumerate(names):
        curve = sorted((r for r in rows if r.recipe == name), key=lambda r: _x_position(r))
        x = np.array([_x_position(r) for r in curve], dtype=float)
        x = x * dodge ** (i - (len(names) - 1) / 2)  # side by side, or bars would cover each other
        _curve(axes, i, name, x, [r.mean for r in curve], [r.low for r in curve], [r.high for r in curve])
        axes.plot(x, [100 * r.worst for r in curve], "x", color=SERIES[i % 6], markersize=4.5)
    axes.set_xscale("log")
    axes.set_xlim(min(numbers) / 1.35, max(numbers) * 1.35)
    axes.xaxis.set_major_locator(FixedLocator(spread_ticks(numbers)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("labelled images per class")
    finish(figure, axes, METRIC_NAMES[rows[0].metric], len(names))
    return figure


@mpl.rc_context(STYLE)
def cost_figure(points: Sequence[CostPoint], *, time: str = "annotation time") -> Figure:
    """Scores against annotation hours, as figure 4 of the CvS paper: a circle's radius grows with the compute.

    The radius goes with the square root of the operations, so the area is proportional to them; without counts
    all circles are alike.
    """
    figure, axes = new_figure()
    names = list(dict.fromkeys(p.recipe for p in points))
    most = max((p.flops or 0.0) for p in points)
    for i, name in enumerate(names):
        curve = sorted((p for p in points if p.recipe == name), key=lambda p: p.hours)
        x = [p.hours for p in curve]
        _curve(axes, i, name, np.array(x), [p.mean for p in curve], [p.low for p in curve], [p.high for p in curve])
        if most > 0:
            area = [max(30.0, 900 * (p.flops or 0.0) / most) for p in curve]
            y = [100 * p.mean for p in curve]
            axes.scatter(x, y, s=area, facecolors=SERIES[i % 6], alpha=0.22, edgecolors="none")
    axes.set_xscale("log")
    axes.margins(x=0.09, y=0.1)
    least, longest = (end(p.hours for p in points) for end in (min, max))
    if longest < 1.01 * least:  # one place has no width to take margins of
        axes.set_autoscalex_on(False)
        axes.set_xlim(least / 2, 2 * longest)
    low, high = (axes.get_xlim()[0], axes.get_xlim()[1])
    axes.xaxis.set_major_locator(FixedLocator(_ticks(low, high)))
    axes.xaxis.set_major_formatter(FuncFormatter(_duration))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(time)
    finish(figure, axes, METRIC_NAMES[points[0].metric], len(names))
    return figure


def save_figure(figure: Figure, path: Path, *, overwrite: bool = False) -> None:
    """Write a figure as PNG or SVG, by the file's ending.

    Raises:
        OutputError: the file exists and `overwrite` is false, or the ending is another.
    """
    check_figure(path)
    refuse_existing(path, overwrite=overwrite)
    kind = path.suffix.lower().removeprefix(".")
    metadata = {"Date": None} if kind == "svg" else None
    with write_atomically(path) as draft, mpl.rc_context(STYLE):
        figure.savefig(draft, dpi=160, facecolor="white", format=kind, metadata=metadata)


def check_figure(path: Path) -> None:
    """Refuse a file that `save_figure` cannot write, before it is worked for.

    Raises:
        OutputError: the ending is neither PNG's nor SVG's.
    """
    if path.suffix.lower() not in (".png", ".svg"):
        raise OutputError("figures are PNG or SVG", where=path, remedy="end the name in .png or .svg.")


def as_svg(figure: Figure, *, salt: str) -> str:
    """A figure as SVG for a page, whose colors follow the page's style variables; `salt` keeps ids dodge."""
    text = io.StringIO()
    with mpl.rc_context({**STYLE, "svg.hashsalt": salt}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    for i, color in enumerate(SERIES):
        svg = svg.replace(color, f"var(--series-{i})")
    svg = svg.replace(INK, "var(--ink)").replace(FAINT, "var(--line)").replace("fill: #ffffff", "fill: var(--paper)")
    return re.sub(r"font-family: [^;\"]*", "font-family: inherit", svg)


def new_figure() -> tuple[Figure, Axes]:
    """A figure of a report's size with its axes and a horizontal grid."""
    figure = Figure(figsize=(5.0, 3.6), layout="constrained")
    axes = add_axes(figure)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    return figure, axes


def add_axes(figure: Figure) -> Axes:
    """Axes in the style of the reports: no frame on top and right, faint lines, no ticks."""
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)
    axes.tick_params(colors=INK, length=0)
    axes.set_axisbelow(True)
    return axes


def _curve(
    axes: Axes, i: int, name: str, x: np.ndarray, mean: list[float], low: list[float], high: list[float]
) -> None:
    y = 100 * np.array(mean)
    bars = np.nan_to_num(np.abs(np.array([y - 100 * np.array(low), 100 * np.array(high) - y])))
    style, color = DASHES[i % 6], SERIES[i % 6]
    axes.errorbar(
        x,
        y,
        yerr=bars,
        label=name,
        color=color,
        linestyle=style,
        marker=MARKERS[i % 6],
        markersize=5.5,
        linewidth=1.6,
        elinewidth=1.3,
    )


def finish(figure: Figure, axes: Axes, metric: str, curves: int) -> None:
    """Limit the axis of scores to 0 to 100 %, label it, and add a legend where there are several curves."""
    low, high = axes.get_ylim()
    axes.set_ylim(max(0, low), min(100.5, high))
    axes.set_ylabel(f"{metric}, %")
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(INK)
    if curves > 1:
        figure.legend(loc="outside upper left", frameon=False, labelcolor=INK, ncols=1, handlelength=3)


def _x_position(row: ScoreSummary) -> float:
    """Images per class; for a result on all images their mean number."""
    return float(row.per_class or max(1, round(row.n_train / row.classes)))


def spread_ticks(numbers: Sequence[float], *, width: float = 0.06) -> list[float]:
    """The numbers, less those whose labels, of such a width in the axis, would touch the one before."""
    ticks: list[float] = []
    for number in numbers:
        if not ticks or number / ticks[-1] > (max(numbers) / min(numbers)) ** width:
            ticks.append(number)
    return ticks


def _ticks(low: float, high: float) -> list[float]:
    """Durations in this range of hours: the rounder ones where two or more are in it, else finer ones."""
    units = (1 / 3.6e6, 1 / 3.6e5, 1 / 3.6e4, 1 / 3600, 1 / 60, 1.0)
    finer = sorted({n * unit for unit in units for n in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50)})
    inside: list[float] = []
    for ticks in (DURATIONS, finer):
        inside = [t for t in ticks if low <= t <= high]
        if len(inside) > 1:
            break
    return spread_ticks(inside, width=0.16) if inside else []  # "12 min" is wider than a number


def _duration(hours: float, _: object = None) -> str:
    if hours >= 1:
        return f"{hours:g} h"
    minutes = hours * 60
    return f"{minutes:.2g} min" if minutes > 0.999 else f"{minutes * 60:.2g} s"

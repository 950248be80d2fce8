"""Figures of an inspection."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from handful.evaluation.statistics import METRICS
from handful.reports.plots import INK, SERIES, STYLE, finish, new_figure, spread_ticks


@mpl.rc_context(STYLE)
def learning_curve_figure(
    sizes: Sequence[int],
    scores: Float[np.ndarray, "r s"],
    at: Float[np.ndarray, " a"],
    fitted: Float[np.ndarray, " a"],
    low: Float[np.ndarray, " a"],
    high: Float[np.ndarray, " a"],
    now: int,
) -> Figure:
    """Scores of every draw at each size, the curve fitted to them with its band, and a line where the data end."""
    figure, axes = new_figure()
    axes.fill_between(at, 100 * low, 100 * high, color=SERIES[0], alpha=0.2, linewidth=0)
    axes.plot(at, 100 * fitted, color=SERIES[0], linewidth=1.6)
    for size, column in zip(sizes, scores.T, strict=True):
        axes.plot(np.full(len(column), size), 100 * column, "o", color=SERIES[0], markersize=3.5, alpha=0.5)
    axes.axvline(now, color=INK, linewidth=1, linestyle=":")
    axes.annotate(
        "now",
        (now, 1),
        xycoords=("data", "axes fraction"),
        ha="right",
        va="top",
        color=INK,
        xytext=(-3, 0),
        textcoords="offset points",
    )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(spread_ticks([*sizes, float(at[-1])])))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("labelled images per class")
    finish(figure, axes, METRICS["balanced_accuracy"], 1)
    return figure

"""Figures of a comparison."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from handful.comparison.result import RecipePair
from handful.evaluation.statistics import METRIC_NAMES
from handful.reports.plots import FAINT, INK, SERIES, STYLE, add_axes


@mpl.rc_context(STYLE)
def difference_figure(pairs: Sequence[RecipePair]) -> Figure:
    """Paired differences with their 95 % intervals, one row a pair; a dot is filled where the two are separable."""
    figure = Figure(figsize=(5.0, 0.9 + 0.52 * len(pairs)), layout="constrained")
    axes = add_axes(figure)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.axvline(0, color=INK, linewidth=1.2)
    for row, pair in enumerate(pairs):
        c = pair.comparison
        x, low, high = 100 * c.mean, 100 * c.low, 100 * c.high
        if not np.isnan(low):
            axes.plot([low, high], [row, row], color=SERIES[0], linewidth=2, solid_capstyle="butt")
        face = SERIES[0] if pair.separable else "white"
        axes.plot([x], [row], "o", color=SERIES[0], markerfacecolor=face, markeredgewidth=1.6, markersize=8)
        axes.annotate(
            f"{c.a} \u2212 {c.b}",
            (0, row),
            (0, 8),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            color=INK,
            fontsize=10,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    axes.set_ylim(len(pairs) - 0.6, -0.85)
    axes.yaxis.set_major_locator(NullLocator())
    axes.margins(x=0.06)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel(f"points of {METRIC_NAMES[pairs[0].comparison.metric]}", color=INK)
    return figure

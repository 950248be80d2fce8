"""Format scores and differences as table cells of `docs/results.md`."""

import numpy as np

from handful.reports.text_tables import format_interval, percent, signed


def score(mean: float, low: float, high: float, worst: float) -> str:
    """The mean, its interval and the worst draw, of shares in percent."""
    return f"{percent(mean)} ({format_interval(low, high)}), worst {percent(worst)}"


def difference(mean: float, low: float, high: float, *, bold: bool) -> str:
    """On a line of its own: points, and their interval where there is one."""
    mark = "**" if bold else ""
    bounds = "" if np.isnan(low) else f" ({signed(low)} to {signed(high)})"
    return f"<br>{mark}{signed(mean)}{mark}{bounds}"


def images(per_class: int | None) -> str:
    """A column's name: labelled images per class."""
    return "all" if per_class is None else str(per_class)

"""Page of predicted numbers: errors of each quantity, and predictions against true values."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from handful.core.dataset import Dataset
from handful.core.result import Result
from handful.evaluation.numbers import METRICS, summarise_numbers
from handful.reports.html import reproduction, write_page
from handful.reports.plots import INK, SERIES, STYLE, add_axes, as_svg


def write_number_report(
    result: Result,
    path: Path,
    *,
    data: Dataset | None = None,
    title: str,
    answer: Sequence[str],
    notes: Sequence[str] = (),
    command: str | None = None,
) -> Path:
    """Write the page of a result of numbers.

    Args:
        result: its runs.
        path: the HTML file; one that is there is replaced.
        data: of which it is, for the fingerprint.
        title: heading.
        answer: sentences below it.
        notes: sentences below these.
        command: that reproduces it; by default that of this process.
    """
    rows = summarise_numbers(result)
    quantities = [
        (name, [(METRICS[r.metric], r) for r in rows if r.quantity == name], _figure(result, c))
        for c, name in enumerate(result.classes)
    ]
    values = {
        "title": title,
        "answer": answer,
        "notes": notes,
        "quantities": quantities,
        "repeat": reproduction([result], data, command),
    }
    return write_page(path, "numbers.html.j2", values)


@mpl.rc_context(STYLE)
def scatter_figure(result: Result, quantity: int) -> Figure:
    """Prediction against true value of each scored image; on the dotted line it is right."""
    figure = Figure(figsize=(4.4, 4.2), layout="constrained")
    axes = add_axes(figure)
    truth = np.concatenate([run.numbers[:, quantity] for run in result.runs if run.numbers is not None])
    predicted = np.concatenate([run.probabilities[:, quantity] for run in result.runs])
    known = ~np.isnan(truth)
    ends = [float(f(np.concatenate([truth[known], predicted[known]]))) for f in (np.min, np.max)]
    axes.plot(ends, ends, color=INK, linewidth=1, linestyle=":")
    axes.plot(truth[known], predicted[known], "o", color=SERIES[0], markersize=4, alpha=0.6)
    axes.set_xlabel("true value", color=INK)
    axes.set_ylabel("predicted", color=INK)
    return figure


def _figure(result: Result, quantity: int) -> Markup:
    return Markup(as_svg(scatter_figure(result, quantity), salt=f"numbers-{quantity}"))

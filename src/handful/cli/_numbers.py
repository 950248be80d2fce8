"""Scores of predicted numbers, as a table and as JSON."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handful.core.result import Result


def number_values(result: "Result") -> dict[str, Any]:
    """All scores of each quantity, as plain values."""
    from dataclasses import asdict

    from handful.evaluation.numbers import summarise_numbers

    return {"headline": "mae", "scores": [asdict(row) for row in summarise_numbers(result)]}


def print_numbers(result: "Result") -> None:
    """Print a table for each quantity, and how it compares with the control."""
    from handful.cli._output import print_table, print_text
    from handful.evaluation.numbers import METRICS, summarise_numbers

    rows = summarise_numbers(result)
    for quantity in result.classes:
        own = [row for row in rows if row.quantity == quantity]
        print_table(
            (quantity, "mean", "95 % interval", "worst draw"),
            [
                (METRICS[r.metric], f"{r.mean:.4g}", f"{r.low:.4g} to {r.high:.4g}", f"{r.worst:.4g} ({r.worst_draw})")
                for r in own
            ],
        )
        error, control = (next(r for r in own if r.metric == m) for m in ("mae", "control_mae"))
        runs = f"{error.draws} draws" if error.draws > 1 else "1 draw"
        share = f"{100 * (1 - error.mean / control.mean):.0f} %" if control.mean else "-"
        print_text(
            f"{result.recipe.name}: {runs}, {error.n_train} training and {error.n_test} scored images. The error is "
            f"{share} below that of the training images' median. Intervals: a bootstrap over draws and images."
        )

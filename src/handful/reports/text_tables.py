"""Tables for the terminal. Scores always come with the number of draws, the interval and the worst draw."""

from collections.abc import Sequence

import numpy as np

from handful.core.text import shorten_middle, wrap
from handful.evaluation.annotation_cost import CostPoint, break_evens
from handful.evaluation.calibration import CalibrationSummary
from handful.evaluation.design import Design
from handful.evaluation.paired_difference import PairedDifference
from handful.evaluation.statistics import METRIC_NAMES, Interval, ScoreSummary, ThirdScore

REPEATED: dict[Design, str] = {
    "draws": "training images redrawn, one test set",
    "seeds": "the same images in every run, only seeds vary",
    "re-split": "train and test re-split in every run",
    "one run": "one run",
}
T_INTERVALS: dict[Design, str] = {
    "draws": "t interval over draws for new training images of the same population, corrected for the share of their "
    "pool that draws take",
    "seeds": "t interval over seeds, for these training images",
    "re-split": "t interval over runs for new training images of the same population, corrected for the images that "
    "runs share",
}
HEADS: dict[str, str] = {
    **METRIC_NAMES,
    "balanced_accuracy": "balanced",
}


def images_per_class(row: ScoreSummary | PairedDifference | CalibrationSummary, between: str = " to ") -> str:
    """Images per class as text: a number, "all", or those of the largest and the smallest class of a long tail."""
    if row.per_class is None:
        return "all"
    return str(row.per_class) if row.smallest is None else f"{row.per_class}{between}{row.smallest}"


def image_range(third: ThirdScore) -> str:
    """Training images of a third's largest and smallest class."""
    return str(third.most) if third.most == third.least else f"{third.most} to {third.least}"


def interval_notes(rows: Sequence[ScoreSummary]) -> list[str]:
    """What was repeated and what the intervals are, for each design of the rows."""
    kinds: dict[Design, set[Interval]] = {}
    for row in rows:
        kinds.setdefault(row.design, set()).add(row.interval)
    return [_interval_note(design, of_design) for design, of_design in kinds.items()]


def _interval_note(design: Design, kinds: set[Interval]) -> str:
    texts = {
        "t": T_INTERVALS.get(design, ""),
        "Wilson": "Wilson interval over the test images, which says nothing of other draws",
        "none": "without an interval",
    }
    where = "" if design == "one run" else "all runs alike: " if len(kinds) == 1 else "where all runs are alike: "
    parts = [("" if kind == "t" else where) + text for kind, text in texts.items() if kind in kinds]
    return "; ".join([REPEATED[design], *parts])


def percent(value: float) -> str:
    """A share as a percentage with one decimal; "n/a" for NaN."""
    return "n/a" if np.isnan(value) else f"{100 * value:.1f}"


def format_interval(low: float, high: float) -> str:
    """An interval of shares in percent."""
    return "n/a" if np.isnan(low) else f"{100 * low:.1f} to {100 * high:.1f}"


def signed(value: float) -> str:
    """A difference of shares in points, with its sign."""
    if np.isnan(value):
        return "n/a"
    text = f"{100 * value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


def signed_interval(low: float, high: float) -> str:
    """An interval of differences in points."""
    return "n/a" if np.isnan(low) else f"{signed(low)} to {signed(high)}"


def format_probability(value: float) -> str:
    """A probability in percent, never rounded to certainty."""
    if np.isnan(value):
        return "n/a"
    return ">99 %" if value > 0.99 else "<1 %" if value < 0.01 else f"{100 * value:.0f} %"


def verdict(comparison: PairedDifference) -> str:
    """The verdict with the recipe's name."""
    winner = {"A better": comparison.a, "B better": comparison.b}.get(comparison.verdict)
    return "not separable" if winner is None else f"{winner} better"


def format_table(rows: Sequence[ScoreSummary], *, width: int = 80, unit: str = "images") -> str:
    """A table that fits `width` columns (48 at least), with what its intervals mean below; `unit`: what is scored."""
    if not rows:
        return "no results"
    order = list(dict.fromkeys(r.recipe for r in rows))
    rows = sorted(rows, key=lambda r: order.index(r.recipe))
    heads = ("M", "draws", HEADS[rows[0].metric], "95 % interval", "worst")
    cells = [
        (images_per_class(r, ":"), str(r.draws), percent(r.mean), format_interval(r.low, r.high), percent(r.worst))
        for r in rows
    ]
    body = layout_table([(r.recipe,) for r in rows], "recipe", heads, cells, width)
    notes = interval_notes(rows)
    if any(r.smallest is not None for r in rows):
        notes.append("M: images of the largest class and of the smallest")
    tests, metric = sorted({r.n_test for r in rows}), METRIC_NAMES[rows[0].metric]
    count = str(tests[0]) if len(tests) == 1 else f"{tests[0]} to {tests[-1]}"
    return "\n".join(
        [
            *body,
            "",
            *wrap(f"percent {metric}; scored on {count} {unit} a run; {'; '.join(notes)}.", width),
            *_thirds_table(rows, width),
        ]
    )


def _thirds_table(rows: Sequence[ScoreSummary], width: int) -> list[str]:
    """Recall of the larger, medium and smaller thirds of the classes, for long tails."""
    scores = [(r.recipe, third) for r in rows for third in r.thirds]
    if not scores:
        return []
    cells = [
        (t.name, image_range(t), percent(t.mean), format_interval(t.low, t.high), percent(t.worst)) for _, t in scores
    ]
    heads = ("classes", "images", "recall", "95 % interval", "worst")
    note = "mean recall in percent, by thirds of the classes in order of training images."
    return ["", *layout_table([(name,) for name, _ in scores], "recipe", heads, cells, width), "", *wrap(note, width)]


def format_comparisons(rows: Sequence[PairedDifference], *, width: int = 80) -> str:
    """Paired differences with their verdicts, fitting `width` columns."""
    if not rows:
        return "nothing to compare"
    heads = ("M", "draws", "A - B", "95 % interval", "verdict")
    winner = {"A better": "A better", "B better": "B better", "not separable": "not sep."}
    cells = [
        (
            images_per_class(r, ":"),
            str(r.draws),
            signed(r.mean),
            signed_interval(r.low, r.high),
            winner[r.verdict],
        )
        for r in rows
    ]
    body = layout_table([(f"A {r.a}", f"B {r.b}") for r in rows], "recipes", heads, cells, width)
    note = "points of accuracy on identical draws; better: the t interval and the bootstrap over draws and "
    note = note.replace("accuracy", METRIC_NAMES[rows[0].metric])
    return "\n".join([*body, "", *wrap(note + "test images both leave out zero; not sep.: not separable.", width)])


def format_measure(row: CalibrationSummary, value: float) -> str:
    """The value of a calibration measure as text: shares in percent, others with two or three decimals."""
    if np.isnan(value):
        return "-"
    if row.measure == "classes in a set":
        return f"{value:.2f}"
    return f"{value:.3f}" if row.measure in ("Brier score", "log loss") else f"{100 * value:.1f}"


def format_measures(rows: Sequence[CalibrationSummary], *, width: int = 80) -> str:
    """Calibration, coverage and rejection as a table that fits `width` columns, with what its columns mean below."""
    if not rows:
        return "nothing to measure"
    short = {
        "expected calibration error": "ECE, %",
        "Brier score": "Brier",
        "coverage of sets": "coverage, %",
        "coverage, mean over classes": "by class, %",
        "classes in a set": "set size",
        "rejected": "rejected, %",
    }
    heads = ("M", "measure", "mean", "95 % interval", "worst", "aim")
    cells = [
        (
            images_per_class(r, ":"),
            short.get(r.measure, r.measure),
            format_measure(r, r.mean),
            "n/a" if np.isnan(r.low) else f"{format_measure(r, r.low)} to {format_measure(r, r.high)}",
            format_measure(r, r.worst),
            format_measure(r, r.target),
        )
        for r in rows
    ]
    body = layout_table([(r.recipe,) for r in rows], "recipe", heads, cells, width)
    note = (
        f"{rows[0].draws} draws. ECE: expected calibration error in 15 bins; its aim is what chance alone gives on so "
        "many images. Brier: 0 to 2. Log loss in nats. Intervals: bootstrap over draws and test images; of sets and "
        "rejection, t over draws."
    )
    return "\n".join([*body, "", *wrap(note, width)])


def layout_table(
    names: Sequence[tuple[str, ...]], title: str, heads: tuple[str, ...], cells: Sequence[tuple[str, ...]], width: int
) -> list[str]:
    """Lines of a table. Names stand on the left if they fit, else on a line of their own, where only longer ones than
    `width` are shortened.
    """
    sizes = [max(len(h), *(len(c[i]) for c in cells)) for i, h in enumerate(heads)]

    def line(texts: tuple[str, ...]) -> str:
        return "".join("  " + text.rjust(size) for text, size in zip(texts, sizes, strict=True))

    joined = [", ".join(name) for name in names]
    longest = max(len(title), *map(len, joined))
    if longest + len(line(heads)) <= width:
        return [
            title.ljust(longest) + line(heads),
            *(name.ljust(longest) + line(cell) for name, cell in zip(joined, cells, strict=True)),
        ]
    lines = [line(heads)]
    last: tuple[str, ...] = ()
    for name, cell in zip(names, cells, strict=True):
        lines += [] if name == last else [shorten_middle(text, width) for text in name]
        last = name
        lines.append(line(cell))
    return lines


def format_cost(points: Sequence[CostPoint], *, width: int = 80) -> str:
    """The points as a table, and the break-even points below, fitting `width` columns (48 at least)."""
    order = list(dict.fromkeys(p.recipe for p in points))
    points = sorted(points, key=lambda p: order.index(p.recipe))
    unit, scale = flop_unit(points)
    heads = ("M", "masks", "hours", "accuracy", "95 % interval", "worst", "draws", unit)
    rows = [
        (
            "all" if p.per_class is None else str(p.per_class),
            str(p.masks),
            f"{p.hours:.3g}",
            percent(p.mean),
            format_interval(p.low, p.high),
            percent(p.worst),
            str(p.draws or "n/a"),
            "n/a" if p.flops is None else f"{p.flops / scale:.3g}",
        )
        for p in points
    ]
    keep = [i for i, h in enumerate(heads) if any(row[i] != "n/a" for row in rows) and not (width < 72 and h == unit)]
    body = layout_table(
        [(p.recipe,) for p in points],
        "recipe",
        tuple(heads[i] for i in keep),
        [tuple(r[i] for i in keep) for r in rows],
        width,
    )
    lines = [line for crossing in break_evens(points) for line in wrap(crossing.says + ".", width)]
    return "\n".join([*body, "", *lines]).rstrip()


def flop_unit(points: Sequence[CostPoint]) -> tuple[str, float]:
    """Name and size of the unit that suits the largest number of operations."""
    most = max((p.flops or 0.0 for p in points), default=0.0)
    return next(((name, size) for name, size in (("PFLOP", 1e15), ("TFLOP", 1e12)) if most >= size), ("GFLOP", 1e9))

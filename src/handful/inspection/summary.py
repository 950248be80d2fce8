"""An inspection in words and plain values, for the terminal, for JSON and for the page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handful.data.finding import Finding
from handful.evaluation.multilabel_metrics import average_precision
from handful.inspection.inspection import Inspection
from handful.inspection.measures.learning_curve import LearningCurve
from handful.reports.text_tables import format_interval, percent, signed

FEWEST_NOW = 8  # images of the rarest class, below which nothing is said of more images


@dataclass(frozen=True)
class ClassRow:
    """Images of one class by part, and the mean share of foreground in its masks (NaN: it has none)."""

    name: str
    train: int
    val: int
    test: int
    foreground: float


@dataclass(frozen=True)
class MultilabelClassRow(ClassRow):
    """Images that show a class, by part; and in all parts those known not to, and those of which it is unknown."""

    absent: int
    unknown: int


def class_rows(inspection: Inspection) -> list[ClassRow]:
    """A row for each class, in order."""
    data, rows = inspection.measurements.data, []
    targets = data.targets()
    for label, name in enumerate(data.classes):
        samples = [s for s, target in zip(data.samples, targets, strict=True) if target[label] == 1]
        parts = Counter(s.split or "train" for s in samples)
        areas = [float(s.mask.mean()) for s in samples if s.mask is not None]
        foreground = float(np.mean(areas)) if areas else float("nan")
        row = ClassRow(name, parts["train"], parts["val"], parts["test"], foreground)
        if data.kind == "multilabel":
            absent, unknown = int((targets[:, label] == 0).sum()), int(np.isnan(targets[:, label]).sum())
            row = MultilabelClassRow(**vars(row), absent=absent, unknown=unknown)
        rows.append(row)
    return rows


def overview(inspection: Inspection) -> str:
    """One sentence on what the data are."""
    data, sizes = inspection.measurements.data, inspection.measurements.statistics.sizes
    if not len(sizes):
        return "No image can be read."
    low, high = sizes.min(axis=0), sizes.max(axis=0)
    size = f"{low[0]} x {low[1]}" if (low == high).all() else f"{low[0]} x {low[1]} to {high[0]} x {high[1]}"
    modes = Counter(m for m in inspection.measurements.modes if m)
    stored = f", stored as {', '.join(f'{m} ({n})' if len(modes) > 1 else m for m, n in modes.most_common())}"
    masks = sum(s.mask is not None for s in data.samples)
    classes = "1 class" if len(data.classes) == 1 else f"{len(data.classes)} classes"
    return (
        f"{len(data)} images of {classes}, {size} pixels (height x width)"
        f"{stored if modes else ''}{f', {masks} with a mask' if masks else ''}."
    )


def count_findings(findings: Sequence[Finding]) -> str:
    """How many findings of each weight."""
    counts = Counter(f.severity for f in findings)
    named = [f"{n} {kind}{'' if n == 1 else 's'}" for kind in ("error", "warning", "note") if (n := counts[kind])]
    if not named:
        return "Nothing doubtful was found."
    *first, last = named
    return (f"{', '.join(first)} and {last}" if first else last) + "."


def describe_limits(inspection: Inspection) -> list[str]:
    """What the data can show, a sentence each."""
    sentences = [*_describe_trial(inspection)]
    r = inspection.resolution
    if r is not None:
        part = f"the {r.images} images of the test part"
        if r.crossed:
            labelled = int((inspection.measurements.labels >= 0).sum())
            left_out = labelled - r.images
            copies = f" (copies count once: {left_out} of {labelled} are left out)" if left_out else ""
            part = f"{r.images} images{copies}"
        sentences.append(
            f"How sure a score can be: measured on {part}, it is known within about "
            f"{100 * (r.high - r.low) / 2:.0f} points up or down. A quick trial (no network is trained) is right for "
            f"{percent(r.accuracy)} %, 95 % interval {format_interval(r.low, r.high)}; `handful run` measures what the "
            "best method reaches."
        )
        sentences.append(
            "So few images cannot show which of two methods of learning is better, even where one truly is."
            if np.isnan(r.smallest)
            else "To show which of two methods of learning is better (`handful compare`), they must differ by "
            f"{100 * r.smallest:.1f} points or more (then it shows four times in five)."
        )
    c = inspection.curve
    if c is not None:
        sentences.append(_describe_gain(c))
    x = inspection.complexity
    if x is not None:
        sentences.append(f"Most alike of two different classes: {x.closest[0]} and {x.closest[1]}.")
    return sentences


def _describe_trial(inspection: Inspection) -> list[str]:
    """What a quick trial reaches on images with several labels."""
    measurements = inspection.measurements
    if measurements.data.kind != "multilabel" or (v := measurements.label_validation) is None:
        return []
    values = []
    for c in np.flatnonzero(v.judged):
        known = ~np.isnan(v.probabilities[:, c])
        values.append(float(average_precision(v.targets[known, c], v.probabilities[known, c])[0]))
    judged = f"{len(values)} of {len(v.judged)} classes" if len(values) < len(v.judged) else "the classes"
    return [
        f"A quick trial (no network is trained) reaches {percent(float(np.nanmean(values)))} % mean AP on held-out "
        f"images, over {judged}; `handful evaluate` measures what a recipe reaches, with its interval."
    ]


def _describe_gain(curve: LearningCurve) -> str:
    """What ten more images per class should bring, or that it cannot be seen."""
    rarest = f"the rarest class has {curve.now}"
    if curve.now < FEWEST_NOW:
        return f"Whether more images would help cannot be seen yet: {rarest}."
    if round(100 * curve.gain_high, 1) == 0:
        return f"Ten more images per class ({rarest} now) should bring next to nothing to the quick trial."
    return (
        f"Ten more images per class ({rarest} now) should change how often the quick trial is right by "
        f"{signed(curve.gain)} points, every class counted alike (95 % interval {signed(curve.gain_low)} to "
        f"{signed(curve.gain_high)}, as far as these images can tell)."
    )


def doubtful_labels(inspection: Inspection) -> dict[str, str]:
    """What is doubtful about the label of each suspect image, by its id."""
    suspects: dict[str, str] = {}
    for finding in inspection.findings:
        named = finding.numbers.get("suspects")
        if isinstance(named, dict):
            suspects |= {name: f"looks like {suspect['looks_like']}" for name, suspect in named.items()}
        notes = finding.numbers.get("notes")
        if isinstance(notes, dict):
            suspects |= {
                name: f"{suspects[name]}; {text}" if name in suspects else text for name, text in notes.items()
            }
    return suspects


def as_values(inspection: Inspection) -> dict[str, Any]:
    """Everything as plain values."""
    measurements, c = inspection.measurements, inspection.curve
    sizes = Counter(map(tuple, measurements.statistics.sizes.tolist()))
    return {
        "images": len(measurements.data),
        "unreadable": len(measurements.unreadable),
        "classes": {row.name: {k: v for k, v in vars(row).items() if k != "name"} for row in class_rows(inspection)},
        "modes": dict(Counter(m for m in measurements.modes if m)),
        "sizes": {f"{h}x{w}": n for (h, w), n in sizes.most_common()},
        "findings": [vars(f) for f in inspection.findings],
        "shortcuts": [{**vars(s), "share": s.share} for s in inspection.shortcuts],
        "resolution": None if inspection.resolution is None else vars(inspection.resolution),
        "learning_curve": None
        if c is None
        else {
            "sizes": c.sizes,
            "scores": c.scores.round(4).tolist(),
            "now": c.now,
            "gain": c.gain,
            "gain_low": c.gain_low,
            "gain_high": c.gain_high,
        },
        "complexity": None if inspection.complexity is None else vars(inspection.complexity),
        "examples": [vars(e) for e in inspection.examples],
    }

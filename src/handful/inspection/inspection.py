"""Everything that `handful inspect` finds, and the short form that runs before a fit."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from handful.core.dataset import Dataset
from handful.data.finding import Finding
from handful.inspection.findings import (
    balance,
    blur,
    duplicates,
    exposure,
    group_leaks,
    label_errors,
    masks,
    shapes,
    shortcuts,
    unreadable,
)
from handful.inspection.measurements import Measurements, measure_images
from handful.inspection.measures import complexity, examples, learning_curve, resolution
from handful.inspection.measures.complexity import Complexity
from handful.inspection.measures.examples import Examples
from handful.inspection.measures.learning_curve import Curve
from handful.inspection.measures.resolution import Resolution
from handful.inspection.shortcut_tests import Shortcut
from handful.training.image_features import features

KINDS = (unreadable, duplicates, group_leaks, label_errors, shortcuts, masks, exposure, blur, shapes, balance)
ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, eq=False)
class Inspection:
    """Findings, the gravest first, and how much the data can show."""

    facts: Measurements
    findings: tuple[Finding, ...]
    shortcuts: tuple[Shortcut, ...]
    resolution: Resolution | None
    curve: Curve | None
    complexity: Complexity | None
    examples: tuple[Examples, ...]


def inspect(data: Dataset, *, device: str = "cpu", advance: Callable[[], None] | None = None) -> Inspection:
    """Read every picture once, pass it once through the installed backbone, and look at what comes out.

    Args:
        data: the samples; nothing of them is changed.
        device: where the backbone runs.
        advance: called after each sample is read.

    Raises:
        WeightsError: the backbone's weights are not installed.
    """
    facts = measure_images(data, features=partial(features, device=device), advance=advance)
    found = [finding for kind in KINDS for finding in kind.find(facts)]
    return Inspection(
        facts=facts,
        findings=tuple(sorted(found, key=lambda f: ORDER[f.severity])),
        shortcuts=facts.shortcuts,
        resolution=resolution.measure(facts),
        curve=learning_curve.measure(facts),
        complexity=complexity.measure(facts),
        examples=examples.measure(facts),
    )

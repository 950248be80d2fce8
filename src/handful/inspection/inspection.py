"""Inspect a data set: all findings and measures, as `handful inspect` shows them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from handful.core.dataset import Dataset
from handful.core.processes import one_blas_thread
from handful.core.progress import Activity
from handful.data.finding import Finding
from handful.data.kind_checks import refuse_numbers
from handful.inspection.findings import kinds
from handful.inspection.measurements import Measurements, measure_images
from handful.inspection.measures import complexity, examples, learning_curve, resolution
from handful.inspection.measures.complexity import Complexity
from handful.inspection.measures.examples import Examples
from handful.inspection.measures.learning_curve import LearningCurve
from handful.inspection.measures.resolution import Resolution
from handful.inspection.shortcut_tests import Shortcut
from handful.training.image_features import features

ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, eq=False)
class Inspection:
    """Findings, the most severe first, and measures of what the data can show; None where there is too little data.

    Example:
        >>> from handful import inspect, load_data
        >>> inspection = inspect(load_data("digits").select(range(20)))
        >>> sorted({finding.severity for finding in inspection.findings})
        ['note', 'warning']
    """

    measurements: Measurements
    findings: tuple[Finding, ...]
    shortcuts: tuple[Shortcut, ...]
    resolution: Resolution | None
    curve: LearningCurve | None
    complexity: Complexity | None
    examples: tuple[Examples, ...]


def inspect(
    data: Dataset, *, backbone: str | None = None, device: str = "cpu", advance: Callable[[], None] | None = None
) -> Inspection:
    """Inspect a data set: each image is read once and passes the backbone once.

    Args:
        data: the samples; they are not changed.
        backbone: as for `load_recipe`; None: the embedded one, which the thresholds of the findings were set with.
        device: torch device that the backbone runs on.
        advance: called after each sample is read.

    Raises:
        RecipeError: an unknown backbone.
        WeightsError: the backbone's weights are not there.

    Example:
        >>> from handful import inspect, load_data
        >>> inspection = inspect(load_data("digits").select(range(20)))
        >>> "few images" in [finding.kind for finding in inspection.findings]
        True
    """
    refuse_numbers(data, "an inspection")
    with one_blas_thread():
        measurements = measure_images(
            data, features=partial(features, device=device, backbone=backbone), advance=advance
        )
        with Activity("looking for what is doubtful", announce=True):
            findings = [finding for kind in kinds() for finding in kind.find(measurements)]
            return Inspection(
                measurements=measurements,
                findings=tuple(sorted(findings, key=lambda f: ORDER[f.severity])),
                shortcuts=measurements.shortcuts,
                resolution=resolution.measure(measurements),
                curve=learning_curve.measure(measurements),
                complexity=complexity.measure(measurements),
                examples=examples.measure(measurements),
            )

"""Quick check of the data before a fit: no network, a few seconds at most, three lines at most."""

from handful.core.dataset import Dataset
from handful.data.finding import Finding
from handful.inspection.findings import duplicates, exposure, shapes
from handful.inspection.findings.shortcuts import shortcut_findings
from handful.inspection.image_statistics import ImageStatistics
from handful.inspection.measurements import Measurements
from handful.inspection.shortcut_tests import find_shortcuts, nuisance_variables

MOST = 5000  # images; more take seconds, and `handful inspect` is the place for them
LINES = 3
SHUFFLES = 199


def quick_warnings(data: Dataset, statistics: ImageStatistics) -> tuple[str, ...]:
    """Warnings of the quick check as at most three lines; empty if there are none.

    Exact copies are not among them: `handful.data.check.check` warns of these.

    Args:
        data: the samples.
        statistics: image statistics of every sample.
    """
    warnings = [f for f in quick_findings(data, statistics) if f.severity != "note"]
    if not warnings:
        return ()
    shown = [f.message for f in warnings[: LINES - 1]]
    left = len(warnings) - len(shown)
    more = f"{left} more, and what to do" if left else "what to do"
    return (*shown, f"handful inspect shows {more}.")


def quick_findings(data: Dataset, statistics: ImageStatistics) -> tuple[Finding, ...]:
    """Near duplicates, poor exposure, unusual shapes and shortcuts, found from image statistics alone."""
    measurements = Measurements(data, statistics)
    variables = nuisance_variables(data, statistics, rows=measurements.training)
    near = [f for f in duplicates.find(measurements) if f.kind.startswith("near ")]
    shortcuts = find_shortcuts(variables, measurements.labels, measurements.groups, shuffles=SHUFFLES)
    return (*near, *exposure.find(measurements), *shapes.find(measurements), *shortcut_findings(shortcuts))

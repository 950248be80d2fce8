"""What `handful fit` says of its data first: no network, and only what is worth a line."""

from handful.core.dataset import Dataset
from handful.data.finding import Finding
from handful.inspection.findings import duplicates, exposure, shapes
from handful.inspection.findings.shortcuts import findings
from handful.inspection.image_statistics import ImageStatistics
from handful.inspection.measurements import Measurements
from handful.inspection.shortcut_tests import columns, detect

MOST = 5000  # images; more take seconds, and `handful inspect` is the place for them
LINES = 3
SHUFFLES = 199


def short_form(data: Dataset, measures: ImageStatistics) -> tuple[str, ...]:
    """At most three lines, empty where nothing was found; the last names what tells more.

    Exact copies are not among them: `handful.data.check.check` warns of these. Args: `measures` of every sample.
    """
    found = [f for f in quick(data, measures) if f.severity != "note"]
    if not found:
        return ()
    shown = [f.message for f in found[: LINES - 1]]
    left = len(found) - len(shown)
    more = f"{left} more, and what to do" if left else "what to do"
    return (*shown, f"handful inspect shows {more}.")


def quick(data: Dataset, measures: ImageStatistics) -> tuple[Finding, ...]:
    """Near copies, poor and odd images, and shortcuts, from the measures alone."""
    facts = Measurements(data, measures)
    looked_at = columns(data, measures, rows=facts.training)
    near = [f for f in duplicates.find(facts) if f.kind.startswith("near ")]
    shortcuts = findings(detect(looked_at, facts.labels, facts.groups, shuffles=SHUFFLES))
    return (*near, *exposure.find(facts), *shapes.find(facts), *shortcuts)

"""The same picture twice: within a class, in two classes, or on both sides of a split; exactly or nearly."""

from handful.data.check import copy_findings, exact_copy_findings
from handful.data.finding import Finding
from handful.inspection.measurements import Measurements
from handful.inspection.near_duplicates import blank_images

RANK = 1


def find(measurements: Measurements) -> tuple[Finding, ...]:
    """Findings "duplicate", "duplicate across classes", "duplicate across splits", and each with "near" before it."""
    hashes = measurements.statistics.hashes
    blank = blank_images(measurements.statistics)
    shown = [i for i in range(len(hashes)) if not blank[i]]  # blank ones are a finding of their own
    exact = exact_copy_findings(measurements.data.select(shown), [hashes[i] for i in shown], resplit=True)
    near = [
        [measurements.data.samples[i] for i in members]
        for members in measurements.copies
        if len({hashes[i] for i in members}) > 1 and not blank[list(members)].any()
    ]
    return (*exact, *copy_findings(near, resplit=True, near=True))

"""Files and records that the reader of the data did not use."""

from handful.data.finding import Finding
from handful.data.left_out import merged, summary
from handful.inspection.measurements import Measurements

RANK = 0


def find(measurements: Measurements) -> tuple[Finding, ...]:
    """One finding for each kind of file or record."""
    return tuple(
        Finding("not used", "warning", summary(item), (), item.remedy, {"paths": list(item.paths)})
        for item in merged(measurements.data.left_out)
    )

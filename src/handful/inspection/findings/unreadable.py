"""Files that cannot be read."""

from handful.data.finding import Finding
from handful.inspection.measurements import Measurements

RANK = 0


def find(measurements: Measurements) -> tuple[Finding, ...]:
    """One finding with the reason for each file."""
    if not measurements.unreadable:
        return ()
    files = "file cannot" if len(measurements.unreadable) == 1 else "files cannot"
    return (
        Finding(
            "unreadable",
            "error",
            f"{len(measurements.unreadable)} {files} be read ({measurements.unreadable[0][1]})",
            tuple((name,) for name, _ in measurements.unreadable),
            "replace them by intact copies, or leave them out (`handful inspect --fix` does)",
            {"reasons": dict(measurements.unreadable)},
        ),
    )

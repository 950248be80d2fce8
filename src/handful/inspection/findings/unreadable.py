"""Files that cannot be read."""

from handful.data.finding import Finding
from handful.inspection.measurements import Measurements


def find(facts: Measurements) -> tuple[Finding, ...]:
    """One finding with the reason for each file."""
    if not facts.unreadable:
        return ()
    files = "file cannot" if len(facts.unreadable) == 1 else "files cannot"
    return (
        Finding(
            "unreadable",
            "error",
            f"{len(facts.unreadable)} {files} be read ({facts.unreadable[0][1]})",
            tuple((name,) for name, _ in facts.unreadable),
            "replace them by intact copies, or leave them out (--fix does)",
            {"reasons": dict(facts.unreadable)},
        ),
    )

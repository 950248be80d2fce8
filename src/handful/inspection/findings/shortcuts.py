"""Findings about shortcuts: what should not matter predicts the class (`shortcut_tests` measures it)."""

from collections.abc import Sequence

from handful.data.finding import Finding
from handful.inspection.measurements import Measurements
from handful.inspection.shortcut_tests import Shortcut

RANK = 4
LEVEL = 0.05
NEVER = ("image size", "file size", "color mode", "camera")  # may not say anything of a class
STRONG, WEAK = 0.25, 0.1  # share of the way from chance to perfect that is warned of; the second for `NEVER`


def find(measurements: Measurements) -> tuple[Finding, ...]:
    """Finding "shortcut" for each nuisance variable that beats chance: a warning if by much, else a note."""
    cv = measurements.cross_validation
    reference = "" if cv is None else f"; the whole image, in a quick trial, {100 * cv.balanced_accuracy:.0f}"
    return shortcut_findings(measurements.shortcuts, reference)


def shortcut_findings(shortcuts: Sequence[Shortcut], reference: str = "") -> tuple[Finding, ...]:
    """Findings for the shortcuts that beat chance, warnings first; `reference` is a score to compare theirs with."""
    findings = []
    for s in shortcuts:
        if s.p >= LEVEL:
            continue
        strong = s.share >= (WEAK if s.name in NEVER else STRONG)
        findings.append(
            Finding(
                "shortcut",
                "warning" if strong else "note",
                f"{s.name} alone tells the class of {100 * s.score:.0f} of 100 images, every class counted alike "
                f"({100 * s.low:.0f} to {100 * s.high:.0f}; by guessing {100 * s.chance:.0f}{reference}): a classifier "
                "may go by it instead of by what the images show",
                remedy=_remedy(s.name, strong),
                numbers={**vars(s), "share": s.share},
            )
        )
    return tuple(sorted(findings, key=lambda f: f.severity != "warning"))


def _remedy(name: str, strong: bool) -> str:
    if name == "mask area":
        return "a network may count foreground instead of seeing it: never give it a test image's mask"
    remedies = {
        "image size": "bring all images to one size before training, or ask why classes differ in it",
        "file size": "ask why: another source or compression per class? Save all in the same way",
        "color mode": "ask why: another source per class? Save all in the same mode",
        "camera": "take every class with every camera",
        "mean color": "if color means nothing here, photograph every class in the same light, or save all images in "
        "gray and see what is lost",
        "border color": "look at the borders: crop frames and stamps away, or photograph every class before the same "
        "background",
    }
    return remedies[name] if strong else f"a little is usual; {remedies[name]}"

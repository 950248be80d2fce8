"""Findings about shortcuts: what should not matter predicts the class (`detectors` measures it)."""

from collections.abc import Sequence

from handful.data.finding import Finding
from handful.inspection.measurements import Measurements
from handful.inspection.shortcut_tests import Shortcut

LEVEL = 0.05
NEVER = ("image size", "file size", "colour mode", "camera")  # may not say anything of a class
STRONG, WEAK = 0.25, 0.1  # share of the way from chance to perfect that is warned of; the second for `NEVER`


def find(facts: Measurements) -> tuple[Finding, ...]:
    """Finding "shortcut" for each detector that beats chance: a warning where it does so by much, else a note."""
    whole = "" if facts.judged is None else f"; features of the whole image {100 * facts.judged.balanced_accuracy:.0f}"
    return findings(facts.shortcuts, whole)


def findings(shortcuts: Sequence[Shortcut], whole: str = "") -> tuple[Finding, ...]:
    """Those that beat chance, warnings first; `whole` is added to what they are compared with."""
    found = []
    for s in shortcuts:
        if s.p >= LEVEL:
            continue
        strong = s.share >= (WEAK if s.name in NEVER else STRONG)
        found.append(
            Finding(
                "shortcut",
                "warning" if strong else "note",
                f"{s.name} alone finds {100 * s.score:.0f} % of a class on average "
                f"({100 * s.low:.0f} to {100 * s.high:.0f}; chance {100 * s.chance:.0f}{whole})",
                remedy=_remedy(s.name, strong),
                numbers={**vars(s), "share": s.share},
            )
        )
    return tuple(sorted(found, key=lambda f: f.severity != "warning"))


def _remedy(name: str, strong: bool) -> str:
    if name == "mask area":
        return "a network may count foreground instead of seeing it: never give it a test image's mask"
    ways = {
        "image size": "bring all images to one size before training, or ask why classes differ in it",
        "file size": "ask why: another source or compression per class? Save all in the same way",
        "colour mode": "ask why: another source per class? Save all in the same mode",
        "camera": "take every class with every camera, or tie a camera's images by a group column",
        "mean colour": "if colour means nothing here, augment it or train on grey images",
        "border colour": "look at the borders: crop frames and stamps away",
    }
    return ways[name] if strong else f"a little is usual; {ways[name]}"

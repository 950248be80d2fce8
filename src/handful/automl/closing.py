"""The last sentences of an automatic run of any kind: which files were written, its time, and what to type next."""

from pathlib import Path

from handful.automl.next_steps import next_steps
from handful.core.kind import Kind


def written(folder: Path) -> str:
    """The files of the answer."""
    return f"Wrote {folder}: report.html (open it in a browser), model/, CARD.md."


def predicted(images: int, what: str) -> str:
    """The file with the predictions of images without a label or a number."""
    return f"Wrote predictions.csv ({images} images without a {what})."


def took(seconds: float, budget: float) -> str:
    """The time that the run took, and whether that is more than it was given."""
    text = f"Took {seconds:.0f} s of a budget of {budget:.0f} s"
    return f"{text}." if seconds <= budget else f"{text}: what had begun was finished."


def following(folder: Path, kind: Kind = "multiclass") -> str:
    """What to type next, in a sentence."""
    return f"Next: {'; '.join(next_steps(folder, kind=kind))}."

"""Classes with no image or few, classes with many more than others, and classes that the test part lacks."""

import numpy as np
from jaxtyping import Int

from handful.core.dataset import Dataset
from handful.core.text import listed
from handful.data.finding import Finding
from handful.inspection.measurements import Measurements

RANK = 9
FEW = 5  # images per class, below which most methods of looking at data say nothing
UNEVEN, STEEP = 1.5, 5.0  # largest class over smallest


def find(measurements: Measurements) -> tuple[Finding, ...]:
    """Findings "imbalance", "few images", "not tested", "candidate labels" and "unlabelled".

    And what training refuses, as errors: "one class" and "no training image".
    """
    data = measurements.data
    counts = data.split("train", "val", None).counts
    if not counts.any():
        return ()
    findings = _untrainable(data, counts)
    if any(f.kind == "one class" for f in findings) or len(counts) < 2:
        return tuple(findings)
    most, least = int(counts.argmax()), int(counts.argmin())
    ratio = counts[most] / max(1, counts[least])
    if ratio >= UNEVEN:
        findings.append(
            Finding(
                "imbalance",
                "warning" if ratio >= STEEP else "note",
                f"{data.classes[most]} has {counts[most]} images and {data.classes[least]} {counts[least]}",
                remedy="label more of the rare ones; until then look at each class by itself, not only at all images "
                "together",
                numbers={"largest": int(counts[most]), "smallest": int(counts[least]), "ratio": float(ratio)},
            )
        )
    few = [(name, int(n)) for name, n in zip(data.classes, counts, strict=True) if 0 < n < FEW]
    if few:
        some = listed([f"{name} {n}" for name, n in few], 5)
        classes = "class has" if len(few) == 1 else "classes have"
        findings.append(
            Finding(
                "few images",
                "warning",
                f"{len(few)} {classes} fewer than {FEW} images to learn from ({some})",
                remedy="label more of these: wrong labels cannot be looked for among so few",
                numbers={"classes": dict(few)},
            )
        )
    test = data.split("test")
    if len(test):
        missing = [name for name, n in zip(data.classes, test.counts, strict=True) if n == 0]
        if missing:
            findings.append(
                Finding(
                    "not tested",
                    "warning",
                    f"the test part has no image of {listed(missing, 5)}",
                    remedy="add some, or its score says nothing of that class",
                    numbers={"classes": missing},
                )
            )
    among = [s.id for s in data.samples if s.candidates is not None]
    if among:
        findings.append(
            Finding(
                "candidate labels",
                "note",
                f"{len(among)} {'image has' if len(among) == 1 else 'images have'} several candidates for the class",
                tuple((i,) for i in among),
                "label some of them, or take a recipe that learns from them, such as logistic or fine-tuned",
            )
        )
    bare = [s.id for s in data.samples if not s.supervised]
    if bare and np.any(measurements.labels >= 0):
        findings.append(
            Finding(
                "unlabelled",
                "note",
                f"{len(bare)} {'image has' if len(bare) == 1 else 'images have'} no label",
                tuple((i,) for i in bare),
                "label them, or know that training leaves them out",
            )
        )
    return tuple(findings)


def _untrainable(data: Dataset, counts: Int[np.ndarray, " k"]) -> list[Finding]:
    """What training refuses: a single class, and classes without an image to learn from."""
    if data.kind != "multiclass":
        return []
    learned = [name for name, n in zip(data.classes, counts, strict=True) if n]
    if len(learned) == 1:
        text = f"{learned[0]} is the only class with images to learn from: a classifier needs two"
        remedy = "add images of at least one other class; image folders need one sub-folder per class"
        return [Finding("one class", "error", text, remedy=remedy, numbers={"class": learned[0]})]
    missing = [name for name in data.classes if name not in learned]
    if not missing:
        return []
    text = f"there is no image of {listed(missing, 5)} to learn from: training refuses such a class"
    remedy = "add images of it to the part that is learned from, or leave the class out"
    return [Finding("no training image", "error", text, remedy=remedy, numbers={"classes": missing})]

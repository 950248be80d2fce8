"""Images on which annotators disagree, by the entropy of their class probabilities."""

import numpy as np
from scipy.stats import entropy

from handful.data.finding import Finding
from handful.inspection.measurements import Measurements

RANK = 4
NAMED = 3  # classes of an image that its note names


def find(measurements: Measurements) -> tuple[Finding, ...]:
    """Finding "annotators disagree", the most evenly divided first."""
    data = measurements.data
    voted = [sample for sample in data.samples if sample.probabilities is not None]
    if not voted:
        return ()
    rows = np.array([sample.probabilities for sample in voted], dtype=np.float64)
    order = np.argsort(-entropy(rows, axis=1).round(6), kind="stable")
    notes = {}
    for i in order:
        classes = [c for c in np.argsort(-rows[i], kind="stable") if rows[i, c] > 0]
        notes[voted[i].id] = ", ".join(f"{data.classes[c]} {100 * rows[i, c]:.0f} %" for c in classes[:NAMED])
    labelled = sum(sample.labelled for sample in data.samples)
    against = sum(sample.label != int(row.argmax()) for sample, row in zip(voted, rows, strict=True))
    contradicted = f"; the label of {against} is not what most named" if against else ""
    return (
        Finding(
            "annotators disagree",
            "note",
            f"annotators name several classes in {len(voted)} of {labelled} labelled images{contradicted}",
            tuple((name,) for name in notes),
            "look at the first ones: where both are right, the classes overlap, and no model can do better",
            {"notes": notes},
        ),
    )

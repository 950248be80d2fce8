"""Labels of a run's images that may be wrong, as `handful inspect` ranks them, from features that the run has computed.

The probabilities are cross-validated: each image is judged by models that did not see it
(`handful.inspection.findings.label_errors`).
"""

from collections.abc import Sequence
from typing import Any

from handful.automl.result import DoubtfulLabel
from handful.core.processes import one_blas_thread
from handful.core.text import in_words, listed
from handful.inspection.findings import label_errors
from handful.inspection.measurements import Measurements

KIND = "label suspects"
IMPORT = 5.0  # seconds to import what judges them
MOST = 3  # that a sentence names


def judging_seconds(measurements: Measurements) -> float:
    """Time that judging the labels takes, on one slow core; 0: the images have no features."""
    n = 0 if measurements.features is None else len(measurements.data)
    return IMPORT + n / 600 + n * len(measurements.data.classes) / 15000 if n else 0.0


def doubtful_labels(measurements: Measurements) -> tuple[str, tuple[DoubtfulLabel, ...]]:
    """How many labels are doubtful and how good the models are that doubt them, and the labels, the surest first."""
    with one_blas_thread():
        found = [finding for finding in label_errors.find(measurements) if finding.kind == KIND]
    if not found:
        return "", ()
    suspects: Any = found[0].numbers["suspects"]
    return found[0].what, tuple(
        DoubtfulLabel(name, row["label"], row["looks_like"], row["probability_of_label"])
        for name, row in suspects.items()
    )


def describe_doubtful(message: str, doubtful: Sequence[DoubtfulLabel], command: str) -> str:
    """The doubtful labels in sentences: how many, the surest, and how to see all; empty if there are none."""
    if not doubtful:
        return ""
    named = [f"{d.image} ({in_words(d.label)}, looks like {in_words(d.looks_like)})" for d in doubtful]
    shown = listed(named, MOST, separator="; ")
    return f"Labels to check: {message}: {shown}. To see them: {command}."

"""Several labels per image: labels that were forgotten, classes that cannot be told apart, and data that hide several.

Missed labels are found as wrong ones are (`label_errors`), each class by itself: Northcutt et al. 2021,
https://arxiv.org/abs/1911.00068, by cleanlab, where a second classifier agrees. A list of what somebody saw leaves out
what they overlooked, so that these come first.
"""

import numpy as np
from jaxtyping import Bool, Float

from handful.core.dataset import Dataset
from handful.core.text import listed
from handful.data.finding import Finding
from handful.data.listed_classes import listed_class_findings
from handful.errors import option
from handful.inspection.cross_validate_labels import LabelValidation
from handful.inspection.measurements import Measurements

RANK = 2
TOGETHER = 5  # images that show a class, from which on it is odd that another is always there
WEAK = 0.625  # balanced accuracy of the trial, below which its word counts for nothing
NAMED = 5


def find(measurements: Measurements) -> tuple[Finding, ...]:
    """Findings "missed labels", "doubtful labels", "never absent", "always together", "looks like several labels"."""
    data = measurements.data
    if data.kind == "multiclass":
        return listed_class_findings(data)
    return (*listed_class_findings(data), *_never_absent(data), *_always_together(data), *_doubtful(measurements))


def _never_absent(data: Dataset) -> list[Finding]:
    """Classes of which no image is known to lack them: training refuses these."""
    pool = data.split("train", "val", None)
    rows = zip(data.classes, pool.counts.tolist(), pool.absents.tolist(), strict=True)
    names = [name for name, present, absent in rows if present and not absent]
    if not names:
        return []
    return [
        Finding(
            "never absent",
            "error",
            f"no image is known not to show {listed(names, NAMED)}: nothing tells what it looks like without",
            remedy="say of some images that they do not show it, or read what is not listed as absent "
            f"({option('unlisted', 'absent')})",
            numbers={"classes": names},
        )
    ]


def _always_together(data: Dataset) -> list[Finding]:
    """Classes that no image shows without one another, where both are known."""
    targets = data.split("train", "val", None).targets()
    known, shown = (~np.isnan(targets)).astype(np.int64), (targets == 1).astype(np.int64)
    both, either = shown.T @ shown, shown.T @ known  # [a, b]: images that show a, with b known
    always = (both == either) & (both.T == either.T) & (both >= TOGETHER)
    pairs = [(data.classes[a], data.classes[b], int(both[a, b])) for a, b in np.argwhere(np.triu(always, 1))]
    if not pairs:
        return []
    named = listed([f"{a} and {b} ({n} images)" for a, b, n in pairs], NAMED, separator="; ")
    return [
        Finding(
            "always together",
            "warning",
            f"no image shows one without the other, so that a model cannot tell them apart: {named}",
            remedy="add images that show one of them alone, or make them one class",
            numbers={"pairs": [list(pair) for pair in pairs]},
        )
    ]


def _doubtful(measurements: Measurements) -> list[Finding]:
    """Absent entries that look present, and present ones that look absent, the surest first."""
    validation = measurements.label_validation
    if measurements.features is None:
        return []
    if validation is None:
        return [_not_judged("no class has five images that show it and five that do not:", "label more images")]
    names, good = measurements.data.classes, _reliable(validation)
    weak = [name for name, judged in zip(names, good, strict=True) if not judged]
    findings = []
    if weak:
        text = f"there are too few images of {listed(weak, NAMED)}, or a quick trial hardly tells who shows it:"
        findings.append(_not_judged(text, "look through them yourself"))
    missed, false = _suspects(validation, good)
    if len(missed):
        findings.append(
            _as_finding(
                "missed labels",
                measurements,
                missed,
                "may show {name}",
                "to models that did not see them, {n} images look as if they showed a class that is not listed",
                "look at each, the surest first, and add what was overlooked (or leave the entry unknown)",
            )
        )
    if len(false):
        findings.append(
            _as_finding(
                "doubtful labels",
                measurements,
                false,
                "{name} may not be there",
                "to models that did not see them, {n} images look as if they did not show a class that they are "
                "labelled with",
                "look at each, the surest first, and correct what is wrong; hard images are among them",
            )
        )
    return findings


def _reliable(validation: LabelValidation) -> Bool[np.ndarray, " k"]:
    """Classes whose trial tells the images that show them from the others, better than by chance."""
    scores = []
    for c in range(len(validation.judged)):
        right = (validation.probabilities[:, c] >= 0.5) == (validation.targets[:, c] == 1)
        sides = [right[validation.targets[:, c] == value] for value in (1, 0)]
        scores.append(np.mean([side.mean() for side in sides]) if all(map(len, sides)) else 0.0)
    return np.asarray(validation.judged & (np.array(scores) >= WEAK))


Suspects = list[tuple[int, int, float]]  # position among the rows, class, probability of the class


def _suspects(validation: LabelValidation, classes: Bool[np.ndarray, " k"]) -> tuple[Suspects, Suspects]:
    """Absent entries that look present and present ones that look absent, the surest first."""
    from cleanlab.filter import find_label_issues

    missed: Suspects = []
    false: Suspects = []
    for c in np.flatnonzero(classes):
        at = np.flatnonzero(~np.isnan(validation.probabilities[:, c]))
        p, y = validation.probabilities[at, c], (validation.targets[at, c] == 1).astype(np.int64)
        doubtful = np.asarray(find_label_issues(y, _both(p), filter_by="both", n_jobs=1))
        agree = validation.nearer[at, c] == (p >= 0.5)
        for i in np.flatnonzero(doubtful & agree & ((p >= 0.5) != (y == 1))):
            (false if y[i] else missed).append((int(at[i]), int(c), float(p[i])))
    return sorted(missed, key=lambda s: -s[2]), sorted(false, key=lambda s: s[2])


def _both(p: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 2"]:
    return np.stack([1 - p, p], axis=1)


def _as_finding(
    kind: str, measurements: Measurements, suspects: Suspects, note: str, what: str, remedy: str
) -> Finding:
    validation, names = measurements.label_validation, measurements.data.classes
    assert validation is not None
    notes: dict[str, list[str]] = {}
    entries: dict[str, dict[str, float]] = {}
    for row, c, p in suspects:
        name = measurements.data.samples[validation.rows[row]].id
        notes.setdefault(name, []).append(f"{note.format(name=names[c])} ({100 * p:.0f} %)")
        entries.setdefault(name, {})[names[c]] = p
    text = what.format(n=len(notes)) if len(notes) > 1 else _singular(what.format(n=1))
    return Finding(
        kind,
        "warning",
        text,
        tuple((name,) for name in notes),
        remedy,
        {"entries": entries, "notes": {name: "; ".join(parts) for name, parts in notes.items()}},
    )


def _singular(text: str) -> str:
    """What is said of images, of one."""
    for several, one in (
        ("see them", "see it"),
        ("images look as if they", "image looks as if it"),
        ("they are", "it is"),
    ):
        text = text.replace(several, one)
    return text


def _not_judged(why: str, remedy: str) -> Finding:
    return Finding("labels not judged", "note", f"{why} missed labels were not looked for", remedy=remedy)

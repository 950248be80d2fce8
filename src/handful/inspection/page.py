"""The page of an inspection: findings with the pictures themselves, in one file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from handful.core.dataset import Sample
from handful.core.files import refuse_existing
from handful.core.text import in_words
from handful.data.candidate_labels import label_of_candidates
from handful.data.finding import Finding
from handful.data.images import pixels
from handful.evaluation.versions import commit, versions
from handful.inspection.figures import learning_curve_figure
from handful.inspection.inspection import Inspection
from handful.inspection.summary import class_rows, count_findings, describe_limits, overview
from handful.reports.gallery import SIDE, as_data_url
from handful.reports.html import typed_command, write_page
from handful.reports.plots import as_svg

SHOWN = 12  # sets of pictures of a finding
DOUBTFUL_LABELS = 60  # whose pictures are shown, larger
LARGE = 384  # their longest side in pixels
TOGETHER = 4  # pictures of a set
CLASSES = 20  # classes whose examples are shown


def write_inspection(inspection: Inspection, path: Path, *, name: str, overwrite: bool = False) -> Path:
    """Write the page, and return its path.

    Args:
        inspection: what `inspect` found.
        path: the HTML file. It needs no network and no other file.
        name: what to call the data.
        overwrite: replace the file if there is one.

    Raises:
        OutputError: the file exists and `overwrite` is false.
    """
    refuse_existing(path, overwrite=overwrite)
    shown = _Pictures(inspection)
    c = inspection.curve
    figure = None
    if c is not None:
        figure = Markup(
            as_svg(learning_curve_figure(c.sizes, c.scores, c.at, c.fitted, c.low, c.high, c.now), salt="outlook")
        )
    return write_page(
        path,
        "inspect.html.j2",
        {
            "title": f"Inspection of {name}",
            "tally": count_findings(inspection.findings),
            "overview": overview(inspection),
            "findings": [shown.finding(f) for f in inspection.findings],
            "rows": class_rows(inspection),
            "multilabel": inspection.measurements.data.kind == "multilabel",
            "tested": any(s.split == "test" for s in inspection.measurements.data.samples),
            "checked": any(s.split == "val" for s in inspection.measurements.data.samples),
            "masked": any(s.mask is not None for s in inspection.measurements.data.samples),
            "shortcuts": inspection.shortcuts,
            "outlook": describe_limits(inspection),
            "figure": figure,
            "examples": [
                {
                    "name": e.name,
                    "representative": [shown.picture(i) for i in e.representative],
                    "unusual": [shown.picture(i) for i in e.unusual],
                }
                for e in inspection.examples[:CLASSES]
            ],
            "left_out": max(0, len(inspection.examples) - CLASSES),
            "repeat": _repeat(),
        },
    )


class _Pictures:
    """Pictures by id, each decoded when it is shown."""

    def __init__(self, inspection: Inspection) -> None:
        self.samples = {s.id: s for s in inspection.measurements.data.samples}
        self.classes = inspection.measurements.data.classes

    def picture(self, name: str, note: str = "", side: int = SIDE) -> dict[str, str]:
        sample = self.samples[name]
        label = _label(sample, self.classes)
        folders = Path(name).parts[:-1]
        about = [in_words(word) for word in (label, sample.split or "") if word and word not in folders]
        return {"url": as_data_url(pixels(sample), side), "id": name, "label": ", ".join(about), "note": note}

    def finding(self, finding: Finding) -> dict[str, Any]:
        suspects = finding.numbers.get("suspects")
        notes: dict[str, str] = {}
        if isinstance(suspects, dict):
            notes = {
                i: f"looks like {in_words(s['looks_like'])}; {in_words(s['label'])} has "
                f"{_small(s['probability_of_label'])}\u00a0%"
                for i, s in suspects.items()
            }
        entries = finding.numbers.get("notes")
        if isinstance(entries, dict):
            notes = dict(entries)
        by = finding.numbers.get("by")
        if isinstance(by, dict):
            notes = {i: f"by its {word}" for i, word in by.items()}
        labels = isinstance(suspects, dict) or isinstance(entries, dict)
        most, side = (DOUBTFUL_LABELS, LARGE) if labels else (SHOWN, SIDE)
        sets = [
            [self.picture(i, notes.get(i, ""), side) for i in together[:TOGETHER]]
            for together in finding.where[:most]
            if all(i in self.samples for i in together)
        ]
        return {
            "kind": finding.kind,
            "severity": finding.severity,
            "what": finding.what,
            "remedy": finding.remedy,
            "sets": sets,
            "large": labels,
            "ids": [] if sets else finding.ids[:SHOWN],
            "more": len(finding.where) - most,
        }


def _label(sample: Sample, classes: Sequence[str]) -> str:
    """What is known of an image, in words."""
    if sample.target is not None and sample.labelled:
        return ", ".join(name for name, value in zip(classes, sample.target, strict=True) if value == 1) or "none"
    return label_of_candidates(sample, classes) or "no label" if sample.label is None else classes[sample.label]


def _small(share: float) -> str:
    """A percentage; below one with one significant digit."""
    return f"{100 * share:.0f}" if share >= 0.01 else f"{100 * share:.1g}"


def _repeat() -> list[tuple[str, str]]:
    command = typed_command()
    rows = [("Command", command)] if command else []
    rows.append(("Source", commit()))
    return [*rows, ("Versions", ", ".join(f"{name} {version}" for name, version in versions().items()))]

"""Summary of an annotation project: counts and annotation times, as `handful cost` takes them."""

from dataclasses import dataclass
from typing import Any

from handful.annotation.files.annotations import FOREIGN, AnnotationRecord
from handful.annotation.files.project import ACCEPTED, Project, effective_entries, effective_label


@dataclass(frozen=True)
class AnnotationSummary:
    """A summary as plain values and as text."""

    values: dict[str, Any]
    text: str


def summary(project: Project, record: AnnotationRecord) -> AnnotationSummary:
    """Counts, and mean seconds per drawn mask and per given label.

    An image's seconds without a change count with what was done there.
    """
    if project.data.kind == "multilabel":
        return _summary_of_entries(project, record)
    annotation = [record.annotations[s.id] for s in project.data.samples]
    drawn = [a for a in annotation if a.mask_source not in (None, ACCEPTED, FOREIGN, "import")]
    labelled = [a for a in annotation if a.label is not None or a.cannot_tell]
    masks = [a.seconds.get("mask", 0.0) + (a.seconds.get("look", 0.0) if a not in labelled else 0.0) for a in drawn]
    labels = [a.seconds.get("label", 0.0) + (a.seconds.get("look", 0.0) if a not in drawn else 0.0) for a in labelled]
    values = {
        "images": len(annotation),
        "labels": sum(
            effective_label(project, s, a) is not None for s, a in zip(project.data.samples, annotation, strict=True)
        ),
        "masks": sum(a.mask_source is not None for a in annotation),
        "drawn": len(drawn),
        "accepted": sum(a.mask_source == ACCEPTED for a in annotation),
        "mask_seconds": round(sum(masks) / len(masks), 2) if masks else None,
        "label_seconds": round(sum(labels) / len(labels), 2) if labels else None,
        "folder": str(project.folder),
    }
    text = f"{values['masks']} masks ({values['drawn']} drawn, {values['accepted']} accepted) and {values['labels']} "
    text += f"labels of {values['images']} images."
    times = [f"--{k.replace('_', '-')} {values[k]}" for k in ("label_seconds", "mask_seconds") if values[k]]
    if times:
        text += f" Annotation times, for `handful cost`: {' '.join(times)}."
    if values["masks"]:
        text += f" Use the masks with --masks {project.folder / 'masks'}."
    return AnnotationSummary(values, text)


def _summary_of_entries(project: Project, record: AnnotationRecord) -> AnnotationSummary:
    """Counts where an image may show several classes, and mean seconds per entry that was given on the page."""
    samples = project.data.samples
    entries = [effective_entries(project, s, record.annotations[s.id]) for s in samples]
    given = [record.annotations[s.id] for s in samples if record.annotations[s.id].entries]
    count = sum(len(a.entries) for a in given)
    values = {
        "images": len(samples),
        "labels": sum(bool(e) for e in entries),
        "present": sum(sum(e.values()) for e in entries),
        "absent": sum(len(e) - sum(e.values()) for e in entries),
        "entry_seconds": round(sum(a.seconds.get("label", 0.0) for a in given) / count, 2) if count else None,
        "folder": str(project.folder),
    }
    text = f"{values['present']} entries present and {values['absent']} absent, of {values['labels']} of "
    text += f"{values['images']} images"
    text += f"; {values['entry_seconds']} seconds per entry given here." if count else "."
    return AnnotationSummary(values, f"{text} Write them to a table: handful annotate ... --export table --out FILE")

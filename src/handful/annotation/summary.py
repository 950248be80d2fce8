"""Summary of an annotation project: counts and annotation times, as `handful cost` takes them."""

from dataclasses import dataclass
from typing import Any

from handful.annotation.files.annotations import FOREIGN, AnnotationRecord
from handful.annotation.files.project import ACCEPTED, Project, effective_label


@dataclass(frozen=True)
class AnnotationSummary:
    """A summary as plain values and as text."""

    values: dict[str, Any]
    text: str


def summary(project: Project, record: AnnotationRecord) -> AnnotationSummary:
    """Counts, and mean seconds per drawn mask and per given label.

    An image's seconds without a change count with what was done there.
    """
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

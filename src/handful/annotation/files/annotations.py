"""Annotations of a project, reconstructed from the journal and the mask files."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from handful.annotation.files.journal import Event, read_events
from handful.annotation.files.mask_file import read_mask_metadata
from handful.annotation.tools.prompts import Prompt, parse_prompts
from handful.core.files import safe_path
from handful.core.left_out import LeftOut
from handful.errors import DataError

FORMAT = 1
JOURNAL, MASKS = "journal.jsonl", "masks"
FOREIGN = "file"  # source of a mask that another program put there


@dataclass(frozen=True)
class Annotation:
    """Annotation of one image.

    `label` was given on the page; None: that of the data applies. `entries` say of classes, where an image may show
    several, whether it shows them (None: unknown); for other classes the data apply.

    `mask_source` is the last tool; None: no mask. The
    versions count the changes of each part, and the keys identify the last one. `seconds` are by kind of work.
    `verdict` is about the mask that training round `round` propagated.
    """

    id: str
    label: str | None = None
    cannot_tell: bool = False
    skipped: bool = False
    label_version: int = 0
    label_key: str = ""
    entries: dict[str, bool | None] = field(default_factory=dict)
    mask_source: str | None = None
    mask_version: int = 0
    mask_key: str = ""
    prompts: tuple[Prompt, ...] = ()
    prompts_version: int = 0
    prompts_key: str = ""
    verdict: str | None = None
    round: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def spent(self, kind: str, seconds: float) -> "Annotation":
        """The same annotation with more seconds."""
        return replace(self, seconds=self.seconds | {kind: round(self.seconds.get(kind, 0.0) + seconds, 3)})


@dataclass(frozen=True)
class AnnotationRecord:
    """All annotations by image id, the classes added on the page, and the result of each training, oldest first."""

    annotations: dict[str, Annotation]
    classes: tuple[str, ...] = ()
    trainings: tuple[dict[str, Any], ...] = ()


def mask_path(folder: Path, name: str) -> Path:
    """Path of an image's mask: below `masks`, named after the image.

    Raises:
        DataError: the id leads out of the folder.
    """
    return safe_path(folder, f"{MASKS}/{name}.png")


def read_record(folder: Path, ids: Sequence[str]) -> AnnotationRecord:
    """Read the annotations of some images from an annotation folder. Nothing is changed.

    Raises:
        DataError: the journal is damaged, or of a newer format.
    """
    folder = folder.resolve()
    events, _ = read_events(safe_path(folder, JOURNAL))
    return recover(folder, events, ids)


def without_image(folder: Path, ids: Sequence[str]) -> tuple[LeftOut, ...]:
    """Masks and labels in an annotation folder whose image is not among these: it was renamed, moved or deleted.

    Raises:
        DataError: the journal is damaged.
    """
    folder, known = folder.resolve(), set(ids)
    masks = folder / MASKS
    names = (p.relative_to(masks).as_posix() for p in sorted(masks.rglob("*.png")) if not p.name.startswith("."))
    masked = tuple(name for name in names if name.removesuffix(".png") not in known)
    events, _ = read_events(safe_path(folder, JOURNAL))
    labels = {str(e["id"]): e.get("label", True) for e in events if e["event"] in ("label", "entries") and "id" in e}
    labelled = tuple(name for name, label in labels.items() if label is not None and name not in known)
    remedy = "give the images their old names, or rename these"
    kinds = (
        (f"annotated masks whose image is not there ({MASKS}/)", masked),
        ("labels of images that are not there", labelled),
    )
    return tuple(LeftOut(kind, paths, remedy) for kind, paths in kinds if paths)


def recover(folder: Path, events: Sequence[Event], ids: Sequence[str]) -> AnnotationRecord:
    """Replay the events; mask files that are newer take precedence, as they are written first."""
    replayed: dict[str, Annotation] = {}
    classes: list[str] = []
    trainings = []
    for number, event in enumerate(events, start=1):
        kind = event["event"]
        if kind == "journal" and event.get("format", FORMAT) > FORMAT:
            raise DataError("this was written by a newer version", where=folder / JOURNAL, remedy="update handful.")
        if kind == "class" and event["name"] not in classes:
            classes.append(event["name"])
        elif kind == "trained":
            trainings.append(event)
        elif "id" in event:
            name = str(event["id"])
            try:
                replayed[name] = fold(replayed.get(name, Annotation(name)), event)
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(
                    f"this event cannot be read ({error!r})",
                    where=f"{folder / JOURNAL}, line {number}",
                    remedy="restore the file from a copy, or delete this line.",
                ) from error
    annotations = {name: _with_file(folder, replayed.get(name, Annotation(name))) for name in ids}
    return AnnotationRecord(annotations, tuple(classes), tuple(trainings))


def fold(now: Annotation, event: Event) -> Annotation:
    """An annotation after one event of its image; unchanged by an event of unknown kind."""
    kind = event["event"]
    after = now
    if kind == "mask":
        after = replace(now, mask_version=event["version"], mask_key=event["key"], mask_source=event["source"])
    elif kind == "label":
        after = replace(
            now,
            label=event["label"],
            cannot_tell=event["cannot_tell"],
            label_version=event["version"],
            label_key=event["key"],
        )
    elif kind == "entries":
        after = replace(
            now, entries=now.entries | {str(name): _entry(value) for name, value in event["values"].items()}
        )
    elif kind == "marks":
        after = replace(
            now, prompts=parse_prompts(event["marks"]), prompts_version=event["version"], prompts_key=event["key"]
        )
    elif kind == "skip":
        after = replace(now, skipped=event["skipped"])
    elif kind == "review":
        after = replace(now, verdict=event["verdict"], round=event["round"])
    if event.get("seconds"):
        after = after.spent(str(event.get("kind", kind)), float(event["seconds"]))
    return after


def _entry(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise ValueError("an entry is true, false or null")
    return value


def _with_file(folder: Path, annotation: Annotation) -> Annotation:
    """The annotation with the state of its mask file: a change that the journal lacks, or one by another program."""
    path = mask_path(folder, annotation.id)
    if not path.exists():
        if annotation.mask_source is None:
            return annotation
        return replace(annotation, mask_source=None, mask_version=annotation.mask_version + 1, mask_key="")
    metadata = read_mask_metadata(path)
    if metadata is not None and metadata.version > annotation.mask_version:
        return replace(annotation, mask_source=metadata.source, mask_version=metadata.version, mask_key=metadata.key)
    if metadata is not None and metadata.version == annotation.mask_version and annotation.mask_source is not None:
        return annotation
    if metadata is not None and annotation.mask_source is None:
        return annotation  # left over from a mask whose removal is in the journal
    return replace(annotation, mask_source=FOREIGN, mask_version=annotation.mask_version + 1, mask_key="")

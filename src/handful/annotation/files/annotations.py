"""What has been annotated, as the journal and the mask files say together."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from handful.annotation.files.journal import Event, read_events
from handful.annotation.files.mask_file import read_stamp
from handful.annotation.tools.prompts import Mark, read_marks
from handful.core.files import safe_path
from handful.errors import DataError

FORMAT = 1
JOURNAL, MASKS = "journal.jsonl", "masks"
FOREIGN = "file"  # source of a mask that another program put there


@dataclass(frozen=True)
class Annotation:
    """What is known of one image.

    `label` was given on the page; None leaves the data's own. `mask_source` is the last tool, None without a mask.
    The versions count changes of each part, and the keys name the last one. `seconds` are by what they went into.
    `verdict` is of the mask that training round `round` propagated.
    """

    id: str
    label: str | None = None
    cannot_tell: bool = False
    skipped: bool = False
    label_version: int = 0
    label_key: str = ""
    mask_source: str | None = None
    mask_version: int = 0
    mask_key: str = ""
    marks: tuple[Mark, ...] = ()
    marks_version: int = 0
    marks_key: str = ""
    verdict: str | None = None
    round: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def spent(self, kind: str, seconds: float) -> "Annotation":
        """The same with more seconds."""
        return replace(self, seconds=self.seconds | {kind: round(self.seconds.get(kind, 0.0) + seconds, 3)})


@dataclass(frozen=True)
class Record:
    """All annotations by image id, the classes added on the page, and what each training came to, oldest first."""

    annotations: dict[str, Annotation]
    classes: tuple[str, ...] = ()
    trainings: tuple[dict[str, Any], ...] = ()


def mask_path(folder: Path, name: str) -> Path:
    """Where the mask of an image lies: below `masks`, named after the image.

    Raises:
        DataError: the id leads out of the folder.
    """
    return safe_path(folder, f"{MASKS}/{name}.png")


def read_record(folder: Path, ids: Sequence[str]) -> Record:
    """What the files in an annotation folder say of these images. Nothing is changed.

    Raises:
        DataError: the journal is damaged, or of a newer format.
    """
    folder = folder.resolve()
    events, _ = read_events(safe_path(folder, JOURNAL))
    return recover(folder, events, ids)


def recover(folder: Path, events: Sequence[Event], ids: Sequence[str]) -> Record:
    """Fold the events, then believe the mask files where they are newer: they are written first."""
    found: dict[str, Annotation] = {}
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
                found[name] = fold(found.get(name, Annotation(name)), event)
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(
                    f"this event cannot be read ({error!r})",
                    where=f"{folder / JOURNAL}, line {number}",
                    remedy="restore the file from a copy, or delete this line.",
                ) from error
    annotations = {name: _with_file(folder, found.get(name, Annotation(name))) for name in ids}
    return Record(annotations, tuple(classes), tuple(trainings))


def fold(now: Annotation, event: Event) -> Annotation:
    """An annotation after one event of its image; of an unknown kind, the same."""
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
    elif kind == "marks":
        after = replace(now, marks=read_marks(event["marks"]), marks_version=event["version"], marks_key=event["key"])
    elif kind == "skip":
        after = replace(now, skipped=event["skipped"])
    elif kind == "review":
        after = replace(now, verdict=event["verdict"], round=event["round"])
    if event.get("seconds"):
        after = after.spent(str(event.get("kind", kind)), float(event["seconds"]))
    return after


def _with_file(folder: Path, told: Annotation) -> Annotation:
    """What the mask file adds: a change whose line was never written, or one that another program made."""
    path = mask_path(folder, told.id)
    if not path.exists():
        if told.mask_source is None:
            return told
        return replace(told, mask_source=None, mask_version=told.mask_version + 1, mask_key="")
    stamp = read_stamp(path)
    if stamp is not None and stamp.version > told.mask_version:
        return replace(told, mask_source=stamp.source, mask_version=stamp.version, mask_key=stamp.key)
    if stamp is not None and stamp.version == told.mask_version and told.mask_source is not None:
        return told
    if stamp is not None and told.mask_source is None:
        return told  # what is left of a mask whose removal is in the journal
    return replace(told, mask_source=FOREIGN, mask_version=told.mask_version + 1, mask_key="")

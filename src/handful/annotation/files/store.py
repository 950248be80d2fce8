"""The annotations on disk, open for writing: every change is durable before it is confirmed.

A change names the version that it is based on. If that is no longer the newest, the change is refused and both sides
are kept: two tabs, or two people, cannot silently overwrite each other.
"""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from handful._version import __version__
from handful.annotation.files.annotations import (
    FORMAT,
    JOURNAL,
    MASKS,
    Annotation,
    AnnotationRecord,
    fold,
    mask_path,
    recover,
)
from handful.annotation.files.events import timed, timestamp, versioned
from handful.annotation.files.journal import Event, Journal
from handful.annotation.files.mask_file import MaskMetadata, remove_mask, replace_mask
from handful.annotation.files.mask_patch import Patch, apply
from handful.annotation.tools.prompts import Prompt
from handful.core.dataset import Mask
from handful.core.files import safe_path
from handful.core.lru_cache import LRUCache
from handful.data.masks.image_file import read_mask
from handful.errors import DataError, HandfulError

CONFLICTS = "conflicts"
CACHED_MASKS = 4
MAX_CLASSES, MAX_NAME_LENGTH = 1000, 100


class StaleError(HandfulError):
    """A change is based on an old version. `now` is the newest; `kept` is the file with the refused side, if any."""

    def __init__(self, part: str, now: Annotation, kept: Path | None = None) -> None:
        super().__init__(
            f"the {part} changed in the meantime",
            where=now.id,
            remedy="compare both versions, and choose.",
        )
        self.part, self.now, self.kept = part, now, kept


class AnnotationStore:
    """Annotations of some images in one folder, open for writing; to be closed. Threads may share it.

    Args:
        folder: made if it is missing.
        ids: the images; ids are relative paths.

    Raises:
        OutputError: another process has it open.
        DataError: the files there are damaged, or an id leads out of the folder.
    """

    def __init__(self, folder: Path, ids: Sequence[str]) -> None:
        self.folder = folder.resolve()
        (self.folder / MASKS).mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._masks = LRUCache[Mask](CACHED_MASKS)
        self._journal = Journal(safe_path(self.folder, JOURNAL))
        try:
            if not self._journal.events:
                self._journal.append({"event": "journal", "format": FORMAT, "handful": __version__})
            record = recover(self.folder, self._journal.events, ids)
            self._annotations = record.annotations
            self._classes, self._trainings = list(record.classes), list(record.trainings)
            self._clear_drafts()
        except BaseException:
            self._journal.close()
            raise

    def _clear_drafts(self) -> None:
        """Delete what a killed process left half written, or was about to delete."""
        for draft in (self.folder / MASKS).rglob(".*.part"):
            draft.unlink()
        for annotation in self._annotations.values():
            if annotation.mask_source is None:
                remove_mask(mask_path(self.folder, annotation.id))

    def close(self) -> None:
        """Release the folder for other processes."""
        self._journal.close()

    def __enter__(self) -> "AnnotationStore":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __getitem__(self, name: str) -> Annotation:
        return self._annotations[name]

    @property
    def record(self) -> AnnotationRecord:
        """A snapshot of all annotations."""
        with self._lock:
            return AnnotationRecord(dict(self._annotations), tuple(self._classes), tuple(self._trainings))

    def mask(self, name: str) -> Mask | None:
        """An image's mask, True on the object.

        Raises:
            DataError: its file cannot be read.
        """
        with self._lock:
            if self[name].mask_source is None:
                return None
            return self._masks.get(name, lambda: read_mask(mask_path(self.folder, name)))

    def read(self, name: str) -> tuple[Mask | None, Annotation]:
        """An image's mask and annotation at the same moment."""
        with self._lock:
            return self.mask(name), self[name]

    def stroke(
        self,
        name: str,
        patch: Patch,
        *,
        size: tuple[int, int],
        base: int,
        key: str,
        source: str,
        seconds: float = 0.0,
    ) -> Annotation:
        """Change a mask inside a rectangle. A mask without any object pixel is removed.

        Args:
            name: the image.
            patch: the new content of a rectangle.
            size: the image's height and width.
            base: the version that the change is based on.
            key: identifies the change; a repeated one is applied once.
            source: the tool.
            seconds: time spent on it.

        Raises:
            StaleError: the mask is no longer at `base`; the refused side is kept in `conflicts`.
            DataError: the mask there is of another size than the image.
        """
        with self._lock:
            now = self[name]
            if key == now.mask_key:
                return now
            before = self.mask(name)
            if before is not None and before.shape != size:
                raise DataError(
                    f"the mask is {before.shape[0]} x {before.shape[1]} and the image {size[0]} x {size[1]}",
                    where=mask_path(self.folder, name),
                    remedy="move this file elsewhere, or replace it with one of the image's size.",
                )
            after = apply(np.zeros(size, dtype=bool) if before is None else before, patch)
            if base != now.mask_version:
                raise StaleError("mask", now, self._keep_refused(name, after, base, now.mask_version))
            event = versioned("mask", name, now.mask_version + 1, key, seconds)
            path = mask_path(self.folder, name)
            if after.any():
                replace_mask(path, after, MaskMetadata(event["version"], key, source))
                self._masks.put(name, after)
                self._record(event | {"source": source})
            else:
                self._record(event | {"source": None})
                self._masks.remove(name)
                remove_mask(path)
            return self[name]

    def set_label(
        self, name: str, label: str | None, *, base: int, key: str, cannot_tell: bool = False, seconds: float = 0.0
    ) -> Annotation:
        """Set the label of an image, mark it as undecidable (`cannot_tell`), or reset its label.

        Raises:
            StaleError: the label is no longer at `base`.
        """
        with self._lock:
            now = self[name]
            if key == now.label_key:
                return now
            if base != now.label_version:
                raise self._stale("label", now, base, label)
            event = versioned("label", name, now.label_version + 1, key, seconds)
            self._record(event | {"label": label, "cannot_tell": cannot_tell})
            return self[name]

    def set_entries(self, changes: Mapping[str, Mapping[str, bool | None]], *, seconds: float = 0.0) -> None:
        """Say of classes whether images show them: all of the changes are saved, or none.

        Args:
            changes: for each image, True (present), False (absent) or None (unknown) of classes.
            seconds: time spent on all of them.
        """
        share = seconds / max(len(changes), 1)
        events: list[Event] = [
            {"event": "entries", **timed(name, share), "values": dict(values), "kind": "label"}
            for name, values in changes.items()
        ]
        with self._lock:
            self._journal.append(*events)
            for event in events:
                self._annotations[event["id"]] = fold(self._annotations[event["id"]], event)

    def set_prompts(
        self, name: str, prompts: Sequence[Prompt], *, base: int, key: str, seconds: float = 0.0
    ) -> Annotation:
        """Replace the prompts of an image.

        Raises:
            StaleError: the prompts are no longer at version `base`.
        """
        with self._lock:
            now = self[name]
            if key == now.prompts_key:
                return now
            listed = [prompt.as_json() for prompt in prompts]
            if base != now.prompts_version:
                raise self._stale("marks", now, base, listed)
            event = versioned("marks", name, now.prompts_version + 1, key, seconds)
            self._record(event | {"marks": listed})
            return self[name]

    def skip(self, name: str, *, skipped: bool, seconds: float = 0.0) -> Annotation:
        """Show an image last, or no longer last."""
        with self._lock:
            self._record({"event": "skip", **timed(name, seconds), "skipped": skipped})
            return self[name]

    def review(self, name: str, verdict: str, *, round_: int, seconds: float = 0.0) -> Annotation:
        """Record the verdict on a propagated mask: "accept" or "reject"."""
        with self._lock:
            self._record({"event": "review", **timed(name, seconds), "verdict": verdict, "round": round_})
            return self[name]

    def spend(self, name: str, kind: str, seconds: float) -> Annotation:
        """Record time spent on an image without a change."""
        with self._lock:
            self._record({"event": "seconds", **timed(name, seconds), "kind": kind})
            return self[name]

    def add_class(self, name: str) -> None:
        """Add a class.

        Raises:
            DataError: the name cannot be a class, or there are too many.
        """
        if not name.strip() or len(name) > MAX_NAME_LENGTH or name != name.strip() or not name.isprintable():
            raise DataError(
                f"{name[:MAX_NAME_LENGTH]!r} is not a valid class name",
                remedy=f"use 1 to {MAX_NAME_LENGTH} printable characters.",
            )
        with self._lock:
            if name in self._classes:
                return
            if len(self._classes) >= MAX_CLASSES:
                raise DataError(f"there are already {MAX_CLASSES} classes", remedy="use one of them.")
            self._journal.append({"event": "class", "name": name, "at": timestamp()})
            self._classes.append(name)

    def note_training(self, result: dict[str, Any]) -> None:
        """Record the result of a training."""
        with self._lock:
            event = {"event": "trained", "at": timestamp(), **result}
            self._journal.append(event)
            self._trainings.append(event)

    def _record(self, event: Event) -> None:
        self._journal.append(event)
        name = event["id"]
        self._annotations[name] = fold(self._annotations[name], event)

    def _stale(self, part: str, now: Annotation, base: int, refused: Any) -> StaleError:
        """The error for a change of an old version, which the journal keeps."""
        self._note_conflict(part, now.id, base, refused=refused)
        return StaleError(part, now)

    def _note_conflict(self, part: str, name: str, base: int, **side: Any) -> None:
        event = {"event": "conflict", "part": part, "image": name, "base": base, **side, "at": timestamp()}
        self._journal.append(event)

    def _keep_refused(self, name: str, mask: Mask, base: int, version: int) -> Path:
        """Write the refused side: the newest mask with the refused patch applied."""
        number = 1
        while (path := safe_path(self.folder, f"{CONFLICTS}/{name}.{base}-{version}-{number}.png")).exists():
            number += 1
        replace_mask(path, mask, MaskMetadata(version, "", "refused"))
        self._note_conflict("mask", name, base, kept=path.relative_to(self.folder).as_posix())
        return path

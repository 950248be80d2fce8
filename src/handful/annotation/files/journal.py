"""An append-only file of JSON lines: a line is on the disk before `append` returns, and a torn last one is cut off."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from handful.core.files import sync_folder, try_lock
from handful.core.parsing import parse_json
from handful.errors import DataError, OutputError

Event = dict[str, Any]


def read_events(path: Path) -> tuple[list[Event], int]:
    """The events of a journal, oldest first, and the bytes that they take; without a file none.

    What follows the last whole line is what a killed process left of its last one: it is not among them.

    Raises:
        DataError: a line before the end is damaged; names it.
    """
    content = path.read_bytes() if path.exists() else b""
    whole = content.rfind(b"\n") + 1
    events: list[Event] = []
    lines = content[:whole].split(b"\n")[:-1]
    for number, line in enumerate(lines, start=1):
        try:
            event = parse_json(line.decode())
            if not isinstance(event, dict) or not isinstance(event.get("event"), str):
                raise ValueError("not an event")
        except ValueError as error:
            if number == len(lines):  # a full block of the disk may have been lost, its end kept
                return events, sum(len(text) + 1 for text in lines[:-1])
            raise DataError(
                f"this line is not an event ({error})",
                where=f"{path}, line {number}",
                remedy="restore the file from a copy, or delete this line.",
            ) from error
        events.append(event)
    return events, whole


class Journal:
    """A journal that is open for writing, by one process at a time; to be closed.

    Args:
        path: the file; made if it is missing.

    Raises:
        OutputError: another process has it open.
        DataError: as `read_events`.
    """

    def __init__(self, path: Path) -> None:
        fresh = not path.exists()
        self._number = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(self._number, path)
            self.events, self._length = read_events(path)
            os.ftruncate(self._number, self._length)
            if fresh:
                sync_folder(path.parent)
        except BaseException:
            os.close(self._number)
            raise

    def append(self, *events: Event) -> None:
        """Write events; they are durable when this returns, and not there at all if it fails.

        Raises:
            OSError: the disk does not take it.
        """
        texts = (json.dumps(event, ensure_ascii=False, allow_nan=False) for event in events)
        lines = b"".join(text.encode() + b"\n" for text in texts)
        try:
            written = os.pwrite(self._number, lines, self._length)
            if written < len(lines):
                raise OSError(28, "No space left on device")
            os.fsync(self._number)
        except OSError:
            os.ftruncate(self._number, self._length)
            raise
        self._length += len(lines)

    def close(self) -> None:
        """Let another process have it."""
        if self._number >= 0:
            os.close(self._number)
            self._number = -1

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _lock(number: int, path: Path) -> None:
    if not try_lock(number):
        raise OutputError(
            "another process is already annotating these images",
            where=path.parent,
            remedy="open the address that it printed, or stop it first.",
        )

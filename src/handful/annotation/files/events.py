"""Events of the journal: what each says of the image, the version, the time and the seconds spent."""

import math
from datetime import UTC, datetime
from typing import Any

from handful.annotation.files.journal import Event

MAX_SECONDS = 3600.0  # of work that one change may report


def versioned(kind: str, name: str, version: int, key: str, seconds: float) -> Event:
    """The event of a change that names the version which it makes."""
    return {"event": kind, **timed(name, seconds), "version": version, "key": key}


def timed(name: str, seconds: float) -> dict[str, Any]:
    """The image of an event, the time now, and the time spent on it."""
    return {"id": name, "seconds": clip_seconds(seconds), "at": timestamp()}


def timestamp() -> str:
    """The time now, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def clip_seconds(seconds: float) -> float:
    """Reported seconds of work, at least 0 and at most an hour; 0 where they are not a number."""
    return round(min(max(seconds, 0.0), MAX_SECONDS), 3) if math.isfinite(seconds) else 0.0

"""The process that matches at once: it computes what is compared while somebody draws, and stays."""

import threading
import time
from collections.abc import Callable
from typing import Any

from handful.annotation.server.background import BackgroundProcess

MOST_IMAGES = 2000  # whose vectors are held: 130 KB for one of 256 pixels


class QuickMatching:
    """Proposed masks soon after a mask was drawn. Threads may share it.

    Args:
        request: of the worker, as plain values.
        images: number of images; with more than `MOST_IMAGES`, the process is not started.
        on_matched: called in a thread when there are new proposals.
    """

    def __init__(self, request: dict[str, Any], images: int, on_matched: Callable[[], None]) -> None:
        self._request, self._images, self._on_matched = request, images, on_matched
        self._process: BackgroundProcess | None = None
        self._asked, self._answered, self._error = 0, 0, ""
        self._since: dict[int, float] = {}  # when a match was asked for, by its number
        self._matched: dict[str, Any] | None = None
        self._lock = threading.Lock()

    @property
    def is_running(self) -> bool:
        """Whether the process is there, and takes requests."""
        return self._process is not None and self._process.state == "running"

    def start(self) -> None:
        """Start the process, once."""
        with self._lock:
            if self._process is None and 0 < self._images <= MOST_IMAGES:
                self._process = BackgroundProcess({"work": "matcher", **self._request}, self._answer)

    def match(self, first: str | None = None) -> bool:
        """Ask for a match, of one image before the others; whether there is a process to ask."""
        with self._lock:
            if self._process is None or not self.is_running:
                return False
            self._asked += 1
            self._since[self._asked] = time.monotonic()
            self._process.send({"match": self._asked, "first": first})
            return True

    def _answer(self, result: dict[str, Any]) -> None:
        self._error = str(result.get("failed", ""))
        number = int(result.get("number", 0))  # 0: a few images before all
        with self._lock:
            waited = [self._since.pop(asked) for asked in sorted(self._since) if asked <= number]
            if waited and not self._error:
                self._matched = {**result, "seconds": round(time.monotonic() - waited[-1], 1)}
        self._on_matched()
        self._answered = max(number, self._answered)

    def work(self, round_: int) -> dict[str, Any]:
        """Progress of the process, whether a match is awaited, what the last one gave, and why it failed.

        Args:
            round_: of the proposals that the page shows. Where a match of all images made them, `matched` has the
                numbers of drawn masks and of proposals, and the seconds from the request until they were written.
        """
        awaited = self.is_running and self._answered < self._asked
        process = None if self._process is None else self._process.as_json()
        matched = self._matched if self._matched is not None and self._matched["round"] == round_ else None
        return {"matcher": process, "matching": awaited, "matched": matched, "match_error": self._error}

    def close(self) -> None:
        """Stop the process."""
        if self._process is not None:
            self._process.stop()

"""A background process with progress that can be stopped."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

GRACE = 3.0  # seconds between asking a process to end and ending it


class BackgroundProcess:
    """A running `handful.annotation.server.worker`. `state` is running, done, failed or stopped.

    Args:
        request: what to compute, as plain values.
        on_finished: called in a thread with the result; not after a stop or a failure. A process that stays for
            further requests has a result of each.
    """

    def __init__(self, request: dict[str, Any], on_finished: Callable[[dict[str, Any]], None]) -> None:
        self.state, self.error = "running", ""
        self.progress: dict[str, Any] = {}
        self._started, self._seconds = time.monotonic(), 0.0
        self._on_finished = on_finished
        self._process = subprocess.Popen(
            [sys.executable, "-m", "handful.annotation.server.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the server, which then stops this
        )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        result: dict[str, Any] | None = None
        for line in self._process.stdout:
            event = json.loads(line)
            if "finished" in event:
                result = event["finished"]
            elif "answer" in event:
                self._on_finished(event["answer"])
            elif "error" in event:
                self.error = event["error"]
            else:
                self.progress = event
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()
        if self.state == "stopped":
            return
        if result is not None:
            self._on_finished(result)
            self.state = "done"
        else:
            self.error = self.error or "The process ended unexpectedly; see the terminal that runs handful."
            self.state = "failed"

    def send(self, request: dict[str, Any]) -> None:
        """A further request, to a process that stays."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError, ValueError):  # it has ended
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()

    def stop(self) -> None:
        """Stop the process; unfinished work is lost."""
        if self.state == "running":
            self.state = "stopped"
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._thread.join(GRACE)

    def wait(self, seconds: float) -> str:
        """Wait for the end, at most `seconds`; returns the state."""
        self._thread.join(seconds)
        return self.state

    def as_json(self) -> dict[str, Any]:
        """State and progress, as plain values."""
        if self.state == "running":
            self._seconds = time.monotonic() - self._started
        return {"state": self.state, "error": self.error, "seconds": round(self._seconds), **self.progress}

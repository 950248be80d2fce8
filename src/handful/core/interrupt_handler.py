"""A handler of Ctrl-C for the time of a context."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, TypeVar

Handler = TypeVar("Handler", bound="InterruptHandler")


class InterruptHandler:
    """A context in which Ctrl-C calls `on_interrupt`; the handler before it comes back at the end. Main thread only."""

    _before: Any = None

    def on_interrupt(self) -> None:
        """Called for each Ctrl-C."""
        raise NotImplementedError

    def __enter__(self: Handler) -> Handler:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.on_interrupt()

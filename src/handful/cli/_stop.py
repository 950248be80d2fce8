"""Ctrl-C, and the end of the process."""

import atexit
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from handful.core.interrupt_handler import InterruptHandler

CLOSED = 1  # exit code: whoever reads the output has closed it, as `head` does
SAME_KEY = 1.0  # seconds in which a second signal is the first one: a launcher passes on what the terminal sends too


class StopSignal(InterruptHandler):
    """A context in which Ctrl-C raises `KeyboardInterrupt`, and is remembered. In the main thread only.

    A library that is being imported, or calls back, may turn the interrupt into another exception; `received` says that
    it was one. A second signal within a second is ignored, and any signal after `ignore_further`.
    """

    def __init__(self) -> None:
        self.received = False
        self._last = -SAME_KEY
        self._ignored = False

    def ignore_further(self) -> None:
        """Ignore Ctrl-C from now on: the command is ending."""
        self._ignored = True

    def on_interrupt(self) -> None:
        """Remember it, and raise unless it repeats another.

        Raises:
            KeyboardInterrupt: the command is to end.
        """
        now = time.monotonic()
        repeated = now - self._last < SAME_KEY
        self.received, self._last = True, now
        if not repeated and not self._ignored:
            raise KeyboardInterrupt


def end_process(command: Callable[[], object]) -> None:
    """Run a command, then end this process as soon as its output is written and its clean-up is done.

    Taking PyTorch and its kind apart takes Python seconds, and nobody needs it. What was registered with `atexit` does
    run: temporary folders, child processes, trackers. Under a profiler or debugger Python ends as usual.
    """
    code: object = 0
    try:
        command()
    except SystemExit as end:
        code = end.code
    if sys.getprofile() is not None or sys.gettrace() is not None:
        sys.exit(code)  # type: ignore[arg-type]
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    number = code if isinstance(code, int) else int(code is not None)
    with suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    atexit._run_exitfuncs()
    os._exit(number if _flushed() else number or CLOSED)


def _flushed() -> bool:
    """Write what is left of the output; whether all of it could be written."""
    done = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            done = False
    return done

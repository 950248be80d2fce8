"""Processes: the cores this one may use, and an end together with the process that started it."""

import os
import threading
from collections.abc import Callable


def available_cores() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def exit_with_parent(wait: Callable[[], object]) -> None:
    """Exit when the parent process does, also when it was killed and could not stop its children.

    Args:
        wait: returns once the parent has ended; it is called in a thread of its own.
    """

    def watch() -> None:
        wait()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

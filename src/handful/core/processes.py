"""Processes: number of available cores, and exit together with the parent process."""

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager


def available_cores() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def requested_threads() -> int | None:
    """Number of threads that OMP_NUM_THREADS asks for, at most the available cores; None: it asks for none.

    Of a list, such as "4,2", the first number counts: the others are of nested parallel regions.
    """
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    number = int(first) if first.isdecimal() and first.isascii() else 0
    return min(number, available_cores()) or None


def one_blas_thread() -> AbstractContextManager[object]:
    """Within it, the linear algebra of NumPy and SciPy uses one thread.

    On matrices of a few hundred or thousand rows several threads gain little, and where other programs use the
    processor they wait for each other: a QR decomposition of 2 ms took 2 s.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


def exit_with_parent(wait: Callable[[], object]) -> None:
    """Exit when the parent process does, also when it was killed and could not stop its children.

    Args:
        wait: blocks until the parent has ended; called in a thread of its own.
    """

    def watch() -> None:
        wait()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

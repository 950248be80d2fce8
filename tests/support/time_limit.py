"""Refusals that must come before any long work."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

LIMIT = 20.0


@contextmanager
def without_long_work() -> Iterator[None]:
    """Fail where the block takes more than 20 CPU seconds.

    What is refused with it would take minutes or hours if it were tried, so the limit leaves a slow processor and a
    full heap (one collection of garbage takes a second) a wide margin. Part modules should be imported before.
    """
    start = time.process_time()
    yield
    assert time.process_time() - start < LIMIT

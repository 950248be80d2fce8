import os
import subprocess
import sys

import pytest

from handful.core.processes import available_cores, requested_threads

WATCH = """
import sys, time
from handful.core.processes import exit_with_parent
exit_with_parent(sys.stdin.read)
print("watching", flush=True)
time.sleep(60)
"""


def test_a_process_ends_with_the_one_that_started_it() -> None:
    with subprocess.Popen([sys.executable, "-c", WATCH], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"watching\n"
        child.communicate(timeout=20)  # closes its standard input, as the end of this process would
    assert child.returncode == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux")
def test_only_cores_that_the_process_may_use_are_counted() -> None:
    cores = os.sched_getaffinity(0)
    assert available_cores() == len(cores)
    os.sched_setaffinity(0, {min(cores)})
    try:
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, cores)


@pytest.mark.parametrize(
    ("text", "threads"),
    [("1", 1), ("1,2", 1), (" 1 , 4", 1), ("999999", available_cores())]
    + [(text, None) for text in ("", "0", "-1", "auto", "1.5", ",2", "²")],
)
def test_threads_are_as_many_as_the_variable_asks_for(
    text: str, threads: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert requested_threads() == threads

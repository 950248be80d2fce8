import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from handful.core.dataset import Dataset
from handful.errors import HandfulWarning
from handful.evaluation.evaluate import Protocol, evaluate
from tests.support.datasets import recipe
from tests.support.results import same_runs
from tests.support.trainers import NearestMeanTrainer


def test_workers_give_what_one_process_gives(data: Dataset, tmp_path: Path) -> None:
    protocol = Protocol((0, 1), per_class=2)
    trainer = NearestMeanTrainer(tmp_path / "calls")
    alone = evaluate(recipe(), data, protocol=protocol, trainer=trainer, progress=False)
    log = tmp_path / "runs.jsonl"
    several = evaluate(recipe(), data, protocol=protocol, trainer=trainer, progress=False, jobs=2, log=log)
    assert same_runs(alone, several)
    assert len([c for c in trainer.calls if not c.endswith(f"-{os.getpid()}")]) == 2


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_where_no_worker_can_start_runs_follow_one_another(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(38, "Function not implemented")  # of a semaphore where there is no /dev/shm

    monkeypatch.setattr("handful.evaluation.process_pool.ProcessPoolExecutor", fail)
    trainer = NearestMeanTrainer(tmp_path / "calls")
    with pytest.warns(HandfulWarning, match="worker processes cannot be started.*Function not implemented"):
        result = evaluate(
            recipe(), data, protocol=Protocol((0, 1), per_class=2), trainer=trainer, progress=False, jobs=2
        )
    assert len(result.runs) == len(trainer.calls) == 2


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(KILLED.format(folder=str(tmp_path / "calls")), encoding="utf-8")
    calls = NearestMeanTrainer(tmp_path / "calls")
    with subprocess.Popen([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": str(Path.cwd())}) as parent:
        try:
            assert _within(300, lambda: len(calls.calls) == 2 or parent.poll() is not None)
        finally:
            parent.kill()
    workers = [int(name.split("-")[-1]) for name in calls.calls]
    assert len(workers) == 2
    assert _within(20, lambda: not any(_alive(pid) for pid in workers))


KILLED = """
from pathlib import Path
from typing import Any
from handful.evaluation.evaluate import Protocol, evaluate
from tests.support.trainers import NearestMeanTrainer
from tests.support.datasets import recipe, squares

if __name__ == "__main__":
    trainer = NearestMeanTrainer(Path({folder!r}), sleeps=600)
    evaluate(recipe(), squares(5), protocol=Protocol((0, 1), per_class=2), trainer=trainer, jobs=2, progress=False)
"""


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.1)
    return False


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False

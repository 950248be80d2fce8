"""Who runs training runs side by side: spawned processes of this machine, or what else has this form."""

import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

import torch
from threadpoolctl import threadpool_limits

from handful.core.dataset import Dataset
from handful.errors import TrainingError
from handful.evaluation.job import JobResult, Trainer, TrainingJob, run


@runtime_checkable
class Pool(Protocol):
    """Who runs tasks side by side, to be used as a context."""

    def __enter__(self) -> "Pool":
        """Begin."""
        ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop what still runs."""
        ...

    def submit(self, task: TrainingJob) -> Any:
        """Begin a task; a handle of it, which can be a key."""
        ...

    def wait(self, handles: Sequence[Any]) -> list[Any]:
        """Those that have ended, one at least."""
        ...

    def result(self, handle: Any) -> JobResult:
        """What came of one that has ended.

        Raises:
            TrainingError: its worker died. What the trainer raises comes through as it is.
        """
        ...


MakePool = Callable[[Dataset, int, str, Trainer | None], Pool]  # data, tasks at a time, device, trainer


class WorkerError(TrainingError):
    """A worker died: no fault of the task's."""


_shared: list[tuple[Dataset, str, Trainer | None]] = []  # what a worker was started with


def _start(path: Path, device: str, trainer: Trainer | None, threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_follow_parent, daemon=True).start()
    with path.open("rb") as file:
        data: Dataset = pickle.load(file)  # our own, written a moment ago
    torch.set_num_threads(threads)
    threadpool_limits(threads)
    _shared[:] = [(data, device, trainer)]


def _follow_parent() -> None:
    """End with the parent, even one that was killed and could not stop its workers."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _run_shared(task: TrainingJob) -> JobResult:
    data, device, trainer = _shared[0]
    return run(task, data, device=device, trainer=trainer)


class Processes:
    """Spawned processes of this machine, which share its threads."""

    def __init__(self, data: Dataset, jobs: int, device: str, trainer: Trainer | None) -> None:
        self.jobs = jobs
        self.before = set(multiprocessing.active_children())
        self.folder = tempfile.TemporaryDirectory(prefix="handful-")
        # By file, since what a spawned worker is started with goes through a pipe that the parent fills before the
        # worker reads: if the worker dies first, a large data set would block the parent for ever.
        path = Path(self.folder.name, "data")
        with path.open("wb") as file:
            pickle.dump(data, file, protocol=pickle.HIGHEST_PROTOCOL)
        context = multiprocessing.get_context("spawn")
        given = (path, device, trainer, max(1, torch.get_num_threads() // jobs))
        self.pool = ProcessPoolExecutor(jobs, context, initializer=_start, initargs=given)

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - self.before:
            process.terminate()
        self.folder.cleanup()

    def submit(self, task: TrainingJob) -> Future[JobResult]:
        """Begin a task."""
        try:
            return self.pool.submit(_run_shared, task)
        except BrokenProcessPool as error:
            raise self._lost() from error

    def wait(self, handles: Sequence[Future[JobResult]]) -> list[Future[JobResult]]:
        """Those that have ended."""
        return list(wait(handles, return_when=FIRST_COMPLETED).done)

    def result(self, handle: Future[JobResult]) -> JobResult:
        """What came of one."""
        try:
            return handle.result()
        except BrokenProcessPool as error:
            raise self._lost() from error

    def _lost(self) -> WorkerError:
        return WorkerError(
            "a worker process died",
            where=f"jobs={self.jobs}",
            remedy="use fewer jobs (memory may have run out); a script that uses jobs must start its work under "
            '`if __name__ == "__main__":`.',
        )

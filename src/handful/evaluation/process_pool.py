"""Executor on this machine: training jobs in spawned processes, which share its CPU threads."""

import multiprocessing
import pickle
import signal
import tempfile
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType

import torch
from threadpoolctl import threadpool_limits

from handful.core.dataset import Dataset
from handful.core.processes import exit_with_parent
from handful.data.image_cache import LIMIT, start_image_cache
from handful.errors import by_interface, option
from handful.evaluation.executor import BrokenExecutorError
from handful.evaluation.job import JobResult, Trainer, TrainingJob, run

_shared: list[tuple[Dataset, str, Trainer | None]] = []  # arguments of `_start` in a worker


def _start(path: Path, device: str, trainer: Trainer | None, threads: int, jobs: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    parent = multiprocessing.parent_process()
    assert parent is not None
    exit_with_parent(parent.join)
    with path.open("rb") as file:
        data: Dataset = pickle.load(file)  # our own, written a moment ago
    torch.set_num_threads(threads)
    threadpool_limits(threads)
    start_image_cache(limit=LIMIT // jobs)
    _shared[:] = [(data, device, trainer)]


def _run_shared(job: TrainingJob) -> JobResult:
    data, device, trainer = _shared[0]
    return run(job, data, device=device, trainer=trainer)


class ProcessExecutor:
    """Runs jobs in spawned processes of this machine; an `Executor`."""

    def __init__(self, data: Dataset, jobs: int, device: str, trainer: Trainer | None) -> None:
        self.jobs = jobs
        self.other_children = set(multiprocessing.active_children())
        self.folder = tempfile.TemporaryDirectory(prefix="handful-")
        # The data goes through a file: the arguments of a spawned worker go through a pipe that the parent fills
        # before the worker reads it, and if the worker died first, a large data set would block the parent for ever.
        path = Path(self.folder.name, "data")
        with path.open("wb") as file:
            pickle.dump(data, file, protocol=pickle.HIGHEST_PROTOCOL)
        context = multiprocessing.get_context("spawn")
        arguments = (path, device, trainer, max(1, torch.get_num_threads() // jobs), jobs)
        self.pool = ProcessPoolExecutor(jobs, context, initializer=_start, initargs=arguments)

    def __enter__(self) -> "ProcessExecutor":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - self.other_children:
            process.terminate()
        self.folder.cleanup()

    def submit(self, job: TrainingJob) -> Future[JobResult]:
        """Start a job."""
        try:
            return self.pool.submit(_run_shared, job)
        except BrokenProcessPool as error:
            raise self._broken() from error

    def wait(self, futures: Sequence[Future[JobResult]]) -> list[Future[JobResult]]:
        """Wait until at least one has finished."""
        return list(wait(futures, return_when=FIRST_COMPLETED).done)

    def result(self, future: Future[JobResult]) -> JobResult:
        """The result of a finished job."""
        try:
            return future.result()
        except BrokenProcessPool as error:
            raise self._broken() from error

    def _broken(self) -> BrokenExecutorError:
        return BrokenExecutorError(
            "a worker process died",
            where=option("jobs", self.jobs),
            remedy="use fewer jobs (memory may have run out)"
            + by_interface(
                command=".",
                python='; a script that uses jobs must start its work under `if __name__ == "__main__":`.',
            ),
        )

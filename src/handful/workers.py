"""Run training jobs one after the other, or several at a time in processes of their own."""

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

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from threadpoolctl import threadpool_limits

from handful.errors import HandfulError, TrainingError
from handful.running import Finished as Finished
from handful.running import Task as Task
from handful.running import Trainer as Trainer
from handful.running import run
from handful.types import Dataset


def cores(device: str) -> int:
    """Training runs that go side by side: one for each core that this process may use, or one on an accelerator."""
    if device != "cpu" and torch.accelerator.is_available():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class RunsBar:
    """A bar over training runs on standard error, where somebody watches; to be used as a context."""

    def __init__(self, total: int, name: str, *, shown: bool) -> None:
        columns = (
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=16), MofNCompleteColumn(),
            TextColumn("runs"), TimeElapsedColumn(),
        )  # fmt: skip
        console = Console(stderr=True)
        self._bar = Progress(*columns, console=console, disable=not (shown and console.is_terminal), transient=True)
        self._line = self._bar.add_task(name, total=total)

    def __enter__(self) -> "RunsBar":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """What is under way."""
        self._bar.update(self._line, description=text)

    def advance(self, runs: int = 1) -> None:
        """Note finished runs."""
        self._bar.advance(self._line, runs)


def run_all(
    tasks: Sequence[Task],
    data: Dataset,
    keep: Callable[[Finished], None],
    *,
    jobs: int,
    device: str,
    trainer: Trainer | None,
    loaded: int,
    progress: bool,
) -> None:
    """Run every task and hand each one to `keep`, in this process, as it ends.

    Workers are spawned, never forked (a fork after torch has used threads can hang), so a script that asks for
    several jobs needs its `if __name__ == "__main__":`.

    Raises:
        TrainingError: a worker died, usually for want of memory. What the trainer raises comes through as it is.
    """
    before = f"{loaded} from the log" if loaded else "evaluating"
    with RunsBar(len(tasks) + loaded, before, shown=progress) as bar:
        bar.advance(loaded)

        def finish(finished: Finished) -> None:
            keep(finished)
            bar.advance()

        waiting = iter(tasks)

        def give() -> Task | None:
            task = next(waiting, None)
            if task is not None and jobs == 1:
                bar.say(task.name)
            return task

        run_queue(give, data, finish, jobs=min(jobs, len(tasks)), device=device, trainer=trainer)


def run_queue(
    give: Callable[[], Task | None],
    data: Dataset,
    keep: Callable[[Finished], None],
    *,
    jobs: int,
    device: str,
    trainer: Trainer | None,
    failed: Callable[[Task, HandfulError], None] | None = None,
) -> None:
    """Run the tasks that `give` hands out, so that what comes next may hang on what has ended.

    `give` is asked whenever there is room; None: nothing more until another task ends, and the end if none runs.
    `keep` and `give` are called in this process, one at a time.

    Args:
        give: the next task.
        data: what the tasks' positions are in.
        keep: gets each task with its run.
        jobs: tasks at a time; with 1 (or 0) they run in this process.
        device: as for `train`.
        trainer: called instead of `handful.train.train`.
        failed: gets a task that ended in an error of ours; None: the error comes through.

    Raises:
        TrainingError: as `run_all`.
    """
    if jobs > 1:
        _parallel(give, data, keep, jobs, device, trainer, failed)
        return
    while (task := give()) is not None:
        try:
            finished = run(task, data, device=device, trainer=trainer)
        except HandfulError as error:
            if failed is None:
                raise
            failed(task, error)
        else:
            keep(finished)


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


def _run_shared(task: Task) -> Finished:
    data, device, trainer = _shared[0]
    return run(task, data, device=device, trainer=trainer)


def _parallel(
    give: Callable[[], Task | None],
    data: Dataset,
    keep: Callable[[Finished], None],
    jobs: int,
    device: str,
    trainer: Trainer | None,
    failed: Callable[[Task, HandfulError], None] | None,
) -> None:
    threads = max(1, torch.get_num_threads() // jobs)
    before = set(multiprocessing.active_children())
    with tempfile.TemporaryDirectory(prefix="handful-") as folder:
        # By file, since what a spawned worker is started with goes through a pipe that the parent fills before the
        # worker reads: if the worker dies first, a large data set would block the parent for ever.
        path = Path(folder, "data")
        with path.open("wb") as file:
            pickle.dump(data, file, protocol=pickle.HIGHEST_PROTOCOL)
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(jobs, context, initializer=_start, initargs=(path, device, trainer, threads))
        try:
            running: dict[Future[Finished], Task] = {}
            while True:
                while len(running) < jobs and (task := give()) is not None:
                    running[pool.submit(_run_shared, task)] = task
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    task = running.pop(future)
                    error = future.exception()
                    if failed is not None and isinstance(error, HandfulError):
                        failed(task, error)
                    else:
                        keep(future.result())
        except BrokenProcessPool as error:
            raise TrainingError(
                "a worker process died",
                where=f"jobs={jobs}",
                remedy="use fewer jobs (memory may have run out); a script that uses jobs must start its work under "
                '`if __name__ == "__main__":`.',
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - before:
                process.terminate()

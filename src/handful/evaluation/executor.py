"""Run training jobs one after the other, or several at a time in processes of their own."""

import os
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from handful.core.dataset import Dataset
from handful.errors import HandfulError
from handful.evaluation.job import JobResult as JobResult
from handful.evaluation.job import Trainer as Trainer
from handful.evaluation.job import TrainingJob as TrainingJob
from handful.evaluation.job import run
from handful.evaluation.process_pool import MakePool as MakePool
from handful.evaluation.process_pool import Pool, Processes, WorkerError


def default_jobs(device: str) -> int:
    """Training runs that go side by side: one for each core that this process may use, or one on an accelerator."""
    if device != "cpu" and torch.accelerator.is_available():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class RunsBar:
    """A bar over training runs on standard error, where somebody watches; to be used as a context."""

    def __init__(self, total: int, name: str, *, shown: bool) -> None:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("runs"),
            TimeElapsedColumn(),
        )
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
    tasks: Sequence[TrainingJob],
    data: Dataset,
    keep: Callable[[JobResult], None],
    *,
    jobs: int,
    device: str,
    trainer: Trainer | None,
    loaded: int,
    progress: bool,
    pool: MakePool | None = None,
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

        def finish(finished: JobResult) -> None:
            keep(finished)
            bar.advance()

        waiting = iter(tasks)

        def give() -> TrainingJob | None:
            task = next(waiting, None)
            if task is not None and jobs == 1:
                bar.say(task.name)
            return task

        run_queue(give, data, finish, jobs=min(jobs, len(tasks)), device=device, trainer=trainer, pool=pool)


def run_queue(
    give: Callable[[], TrainingJob | None],
    data: Dataset,
    keep: Callable[[JobResult], None],
    *,
    jobs: int,
    device: str,
    trainer: Trainer | None,
    failed: Callable[[TrainingJob, HandfulError], None] | None = None,
    pool: MakePool | None = None,
) -> None:
    """Run the tasks that `give` hands out, so that what comes next may hang on what has ended.

    `give` is asked whenever there is room; None: nothing more until another task ends, and the end if none runs.
    `keep` and `give` are called in this process, one at a time.

    Args:
        give: the next task.
        data: what the tasks' positions are in.
        keep: gets each task with its run.
        jobs: tasks at a time; with 1 (or 0) they run in this process, unless there is a pool.
        device: as for `train`.
        trainer: called instead of `handful.train`.
        failed: gets a task that ended in an error of ours; None: the error comes through.
        pool: who runs them; None: processes of this machine.

    Raises:
        TrainingError: as `run_all`.
    """
    if jobs > 1 or pool is not None:
        with (pool or Processes)(data, jobs, device, trainer) as workers:
            _side_by_side(give, keep, failed, workers, jobs)
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


def _side_by_side(
    give: Callable[[], TrainingJob | None],
    keep: Callable[[JobResult], None],
    failed: Callable[[TrainingJob, HandfulError], None] | None,
    workers: Pool,
    jobs: int,
) -> None:
    running: dict[Any, TrainingJob] = {}
    while True:
        while len(running) < jobs and (task := give()) is not None:
            running[workers.submit(task)] = task
        if not running:
            return
        for handle in workers.wait(list(running)):
            task = running.pop(handle)
            try:
                finished = workers.result(handle)
            except HandfulError as error:
                if failed is None or isinstance(error, WorkerError):
                    raise
                failed(task, error)
            else:
                keep(finished)

"""Run training jobs one after another in this process, or in parallel on an executor."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from handful.core.dataset import Dataset
from handful.core.progress import RunsBar
from handful.errors import HandfulError, HandfulWarning
from handful.evaluation.executor import BrokenExecutorError, Execution, Executor
from handful.evaluation.job import JobResult, Trainer, TrainingJob, run
from handful.evaluation.process_pool import ProcessExecutor

NextJob = Callable[[], TrainingJob | None]
OnFinished = Callable[[JobResult], None]
OnFailed = Callable[[TrainingJob, HandfulError], None]


def run_jobs(
    jobs: Sequence[TrainingJob],
    data: Dataset,
    on_finished: OnFinished,
    *,
    execution: Execution,
    trainer: Trainer | None,
    loaded: int,
) -> None:
    """Run all jobs and pass each result to `on_finished`, in this process, as soon as it is there.

    Workers are spawned, never forked (a fork after torch has used threads can hang), so a script that asks for
    several jobs needs its `if __name__ == "__main__":`.

    Args:
        jobs: what to run, in this order.
        data: what the jobs' positions are in.
        on_finished: called with each result.
        execution: how many run at a time, and on what.
        trainer: called instead of `handful.train`.
        loaded: runs that were read from the log, for the progress bar.

    Raises:
        BrokenExecutorError: a worker died, usually for want of memory. What the trainer raises comes through as it is.
    """
    text = f"{loaded} from the log" if loaded else "evaluating"
    with RunsBar(len(jobs) + loaded, text, shown=execution.progress) as bar:
        bar.advance(loaded)
        waiting, stopped = iter(jobs), False

        def next_job() -> TrainingJob | None:
            nonlocal stopped
            job = None if stopped else next(waiting, None)
            if job is not None and execution.stop is not None and execution.stop():
                job, stopped = None, True
            if job is not None and execution.jobs == 1:
                bar.describe(job.name)
            return job

        def finish(result: JobResult) -> None:
            on_finished(result)
            bar.advance()

        at_once = replace(execution, jobs=max(1, min(execution.jobs, len(jobs))))
        run_queue(next_job, data, finish, execution=at_once, trainer=trainer)


def run_queue(
    next_job: NextJob,
    data: Dataset,
    on_finished: OnFinished,
    *,
    execution: Execution,
    trainer: Trainer | None,
    on_failed: OnFailed | None = None,
) -> None:
    """Run the jobs that `next_job` returns; the next job may depend on the results so far.

    `next_job` is called whenever a job could start. None means that no job can start until another one has finished;
    the queue ends when none is running either. The three functions are called in this process, one at a time.

    Args:
        next_job: returns the next job, or None.
        data: what the jobs' positions are in.
        on_finished: called with each result.
        execution: how many run at a time, and on what; a single job without an executor runs in this process.
        trainer: called instead of `handful.train`.
        on_failed: called with a job and its error of ours; None: the error is raised.

    Raises:
        BrokenExecutorError: as `run_jobs`.
    """
    if execution.jobs > 1 or execution.executor is not None:
        executor = _make_executor(data, execution, trainer)
        if executor is not None:
            with executor:
                _run_in_parallel(next_job, on_finished, on_failed, executor, execution.jobs)
            return
    while (job := next_job()) is not None:
        try:
            result = run(job, data, device=execution.device, trainer=trainer)
        except HandfulError as error:
            if on_failed is None:
                raise
            on_failed(job, error)
        else:
            on_finished(result)


def _make_executor(data: Dataset, execution: Execution, trainer: Trainer | None) -> Executor | None:
    """The executor of the jobs; None where this system lets no worker processes communicate."""
    if execution.executor is not None:
        return execution.executor(data, execution.jobs, execution.device, trainer)
    try:
        return ProcessExecutor(data, execution.jobs, execution.device, trainer)
    except (OSError, ImportError, NotImplementedError) as error:  # e.g. a container without /dev/shm
        text = f"worker processes cannot be started ({error}): runs follow one another in this process."
        warnings.warn(text, HandfulWarning, stacklevel=3)
        return None


def _run_in_parallel(
    next_job: NextJob, on_finished: OnFinished, on_failed: OnFailed | None, executor: Executor, at_once: int
) -> None:
    running: dict[Any, TrainingJob] = {}
    while True:
        while len(running) < at_once and (job := next_job()) is not None:
            running[executor.submit(job)] = job
        if not running:
            return
        for future in executor.wait(list(running)):
            job = running.pop(future)
            try:
                result = executor.result(future)
            except HandfulError as error:
                if on_failed is None or isinstance(error, BrokenExecutorError):
                    raise
                on_failed(job, error)
            else:
                on_finished(result)

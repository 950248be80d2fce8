"""Executors: the interface that runs training jobs in parallel, and `Execution`, how an evaluation uses one."""

import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch

from handful.core.dataset import Dataset
from handful.core.processes import available_cores
from handful.errors import ProtocolError, TrainingError
from handful.evaluation.job import JobResult, TrainingJob
from handful.evaluation.job import Trainer as Trainer


@typing.runtime_checkable
class Executor(typing.Protocol):
    """Runs training jobs in parallel, as a context; like those of `concurrent.futures`, with futures of its own."""

    def __enter__(self) -> "Executor":
        """Start the workers."""
        ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop what is still running."""
        ...

    def submit(self, job: TrainingJob) -> Any:
        """Start a job and return its future, which is hashable."""
        ...

    def wait(self, futures: Sequence[Any]) -> list[Any]:
        """Wait until at least one has finished, and return those that have."""
        ...

    def result(self, future: Any) -> JobResult:
        """The result of a finished job.

        Raises:
            BrokenExecutorError: its worker died. What the trainer raises comes through as it is.
        """
        ...


ExecutorFactory = Callable[[Dataset, int, str, Trainer | None], Executor]  # data, jobs at a time, device, trainer


class BrokenExecutorError(TrainingError):
    """A worker died, through no fault of the job."""


@dataclass(frozen=True)
class Execution:
    """How training jobs are executed; it does not change their results.

    Attributes:
        jobs: training runs at a time, each in a process of its own with its share of the CPU threads.
        device: as for `train`.
        executor: makes the executor that runs the jobs; None: processes of this machine, or this process for one job.
        progress: whether to show a progress bar over the runs.
        stop: asked before each run: no further one starts once it is true. None: all are run.
    """

    jobs: int = 1
    device: str = "auto"
    executor: ExecutorFactory | None = None
    progress: bool = True
    stop: Callable[[], bool] | None = None

    def __post_init__(self) -> None:
        """Refuse a number of jobs below 1."""
        if self.jobs < 1:
            raise ProtocolError(f"cannot run {self.jobs} jobs at a time", remedy="use 1 or more.")


def default_jobs(device: str) -> int:
    """Training runs at a time by default: one per core that this process may use, or one on an accelerator."""
    if device != "cpu" and torch.accelerator.is_available():
        return 1
    return available_cores()

"""Executor on a Ray cluster (https://docs.ray.io): training jobs on many machines."""

from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Any

from handful.core.dataset import Dataset
from handful.core.ray_cluster import Cluster
from handful.errors import HandfulError, option
from handful.evaluation.executor import BrokenExecutorError, ExecutorFactory
from handful.evaluation.job import JobResult, Trainer, TrainingJob, run


class RayExecutor:
    """Runs jobs on a cluster, one core each; a job whose machine is lost is retried, three times at most."""

    def __init__(self, cluster: Cluster, data: Dataset, jobs: int, device: str, trainer: Trainer | None) -> None:  # noqa: ARG002
        self.ray = cluster.ray
        self.data = self.ray.put(data)
        self.options = {"device": device, "trainer": trainer}
        self.running: set[Any] = set()
        self.function = self.ray.remote(num_cpus=1, max_retries=3)(_run)

    def __enter__(self) -> "RayExecutor":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for future in self.running:
            self.ray.cancel(future, force=True)

    def submit(self, job: TrainingJob) -> Any:
        """Start a job."""
        future = self.function.remote(job, self.data, **self.options)
        self.running.add(future)
        return future

    def wait(self, futures: Sequence[Any]) -> list[Any]:
        """Wait until at least one has finished."""
        finished: list[Any] = self.ray.wait(list(futures), num_returns=1)[0]
        return finished

    def result(self, future: Any) -> JobResult:
        """The result of a finished job."""
        self.running.discard(future)
        try:
            result: JobResult | HandfulError = self.ray.get(future)
        except self.ray.exceptions.RayError as error:
            raise BrokenExecutorError(
                f"a job failed on the cluster ({str(error).strip().splitlines()[-1]})",
                where=option("ray", None),
                remedy="check that the cluster's machines have handful, the images and enough memory.",
            ) from error
        if isinstance(result, HandfulError):
            raise result
        return result


def _run(job: TrainingJob, data: Dataset, *, device: str, trainer: Trainer | None) -> JobResult | HandfulError:
    """The result, or an error of ours as a value: Ray would wrap a raised one in its own."""
    try:
        return run(job, data, device=device, trainer=trainer)
    except HandfulError as error:
        return error


def ray_executor(cluster: Cluster) -> ExecutorFactory:
    """A factory of executors on this cluster, for `Execution`."""
    return partial(RayExecutor, cluster)

"""Training runs on a Ray cluster: what `--jobs` does on one machine, on many."""

from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Any

from handful.core.dataset import Dataset
from handful.core.ray_cluster import Cluster
from handful.errors import HandfulError
from handful.evaluation.job import JobResult, Trainer, TrainingJob, run
from handful.evaluation.process_pool import MakePool, WorkerError


class RayPool:
    """Tasks on a cluster, a core each. A task whose machine is lost begins again on another, three times at most."""

    def __init__(self, cluster: Cluster, data: Dataset, jobs: int, device: str, trainer: Trainer | None) -> None:  # noqa: ARG002
        self.ray = cluster.ray
        self.data = self.ray.put(data)
        self.given = {"device": device, "trainer": trainer}
        self.running: set[Any] = set()
        self.function = self.ray.remote(num_cpus=1, max_retries=3)(_run)

    def __enter__(self) -> "RayPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for handle in self.running:
            self.ray.cancel(handle, force=True)

    def submit(self, task: TrainingJob) -> Any:
        """Begin a task."""
        handle = self.function.remote(task, self.data, **self.given)
        self.running.add(handle)
        return handle

    def wait(self, handles: Sequence[Any]) -> list[Any]:
        """Those that have ended."""
        ended: list[Any] = self.ray.wait(list(handles), num_returns=1)[0]
        return ended

    def result(self, handle: Any) -> JobResult:
        """What came of one."""
        self.running.discard(handle)
        try:
            finished: JobResult | HandfulError = self.ray.get(handle)
        except self.ray.exceptions.RayError as error:
            raise WorkerError(
                f"a task failed on the cluster ({str(error).strip().splitlines()[-1]})",
                where="--ray",
                remedy="look at the cluster's machines: they must have handful, the images and enough memory.",
            ) from error
        if isinstance(finished, HandfulError):
            raise finished
        return finished


def _run(task: TrainingJob, data: Dataset, *, device: str, trainer: Trainer | None) -> JobResult | HandfulError:
    """The run, or the error of ours that it ended in: Ray would wrap it up in one of its own."""
    try:
        return run(task, data, device=device, trainer=trainer)
    except HandfulError as error:
        return error


def pool_of(cluster: Cluster) -> MakePool:
    """What `run_queue` calls to have its tasks run on this cluster."""
    return partial(RayPool, cluster)

"""Executors of training runs: processes of this machine, or a Ray cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handful.evaluation.executor import ExecutorFactory


@contextmanager
def runners(ray: str | None, jobs: int) -> "Iterator[tuple[int, ExecutorFactory | None]]":
    """Number of parallel runs and their executor (None: processes); on a cluster with `jobs` 1, one run per core.

    Raises:
        ModelError: Ray is missing, or the cluster cannot be reached.
    """
    if ray is None:
        yield jobs, None
        return
    from handful.core.ray_cluster import Cluster
    from handful.evaluation.ray_pool import ray_executor

    with Cluster(ray) as cluster:
        yield (jobs if jobs > 1 else cluster.width), ray_executor(cluster)

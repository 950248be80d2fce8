"""Write the chunks of a plan on a Ray cluster with Ray Data; chunks of a lost worker are written again.

Every machine must see the model, the images and the output folder under the same paths.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from handful.core.ray_cluster import Cluster
from handful.deployment.batch.jobs import BatchJob
from handful.deployment.batch.plan import Plan
from handful.deployment.batch.run import ChunkExecutor
from handful.deployment.batch.write_chunks import WrittenChunk, write_chunks


class Worker:
    """An actor of the cluster: it loads the model once, then writes the chunks that it is given."""

    def __init__(self, plan: Plan, job: BatchJob) -> None:
        self.plan, self.job = plan, job.load()

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Write these chunks; one row per chunk, with its numbers of images and of unreadable ones."""
        written = list(write_chunks(self.plan, batch["chunk"].tolist(), self.job, threads=1))
        return {name: np.array([getattr(c, name) for c in written]) for name in ("chunk", "images", "failed")}


def write_chunks_on_ray(
    plan: Plan, chunks: list[int], job: BatchJob, *, address: str, workers: int | None = None
) -> Iterator[WrittenChunk]:
    """Write chunks on a cluster, and yield each one once its file is complete.

    Args:
        plan: the plan of the run.
        chunks: numbers of the chunks to write.
        job: what to compute.
        address: of the cluster, as in `Cluster`.
        workers: number of workers, with one core each; None: one for each core of the cluster.

    Raises:
        ModelError: Ray is missing, or the cluster cannot be reached.
    """
    with Cluster(address, workers) as cluster:
        data = cluster.ray.data
        data.DataContext.get_current().enable_progress_bars = False
        numbers = data.from_items([{"chunk": number} for number in chunks], override_num_blocks=len(chunks))
        written = numbers.map_batches(
            Worker,
            fn_constructor_args=(plan, job),
            batch_size=1,
            concurrency=min(cluster.width, len(chunks)),
            num_cpus=1,
        )
        for row in written.iter_rows():
            yield WrittenChunk(int(row["chunk"]), int(row["images"]), int(row["failed"]))


def ray_executor(*, address: str, workers: int | None) -> ChunkExecutor:
    """The executor with which `run_archive` writes its chunks on a cluster."""
    return partial(write_chunks_on_ray, address=address, workers=workers)

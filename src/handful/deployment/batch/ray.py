"""The parts of a plan on a Ray cluster, by Ray Data: who does one does not change it; a lost worker's are redone.

Every machine must see the model, the images and the output folder under the same paths.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from handful.core.ray_cluster import Cluster
from handful.deployment.batch.jobs import BatchJob
from handful.deployment.batch.plan import Plan
from handful.deployment.batch.run import Doing
from handful.deployment.batch.write_chunks import Done, do_parts


class Worker:
    """An actor of the cluster: it loads the model once, then does the parts that it is given."""

    def __init__(self, plan: Plan, wish: BatchJob) -> None:
        self.plan, self.work = plan, wish.work()

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Write these parts; a row for each says how many images it has, and how many could not be read."""
        found = list(do_parts(self.plan, batch["part"].tolist(), self.work, threads=1))
        return {name: np.array([getattr(d, name) for d in found]) for name in ("part", "images", "failed")}


def do_on_ray(
    plan: Plan, todo: list[int], wish: BatchJob, *, address: str, workers: int | None = None
) -> Iterator[Done]:
    """Do these parts on a cluster, and tell of each when it is in its place.

    Args:
        plan: the run.
        todo: its parts that are missing.
        wish: what to do.
        address: of the cluster, as `Cluster` takes it.
        workers: how many, with a core each; None: as many as it has cores.

    Raises:
        ModelError: Ray is missing, or the cluster cannot be reached.
    """
    with Cluster(address, workers) as cluster:
        data = cluster.ray.data
        data.DataContext.get_current().enable_progress_bars = False
        parts = data.from_items([{"part": part} for part in todo], override_num_blocks=len(todo))
        done = parts.map_batches(
            Worker,
            fn_constructor_args=(plan, wish),
            batch_size=1,
            concurrency=min(cluster.width, len(todo)),
            num_cpus=1,
        )
        for row in done.iter_rows():
            yield Done(int(row["part"]), int(row["images"]), int(row["failed"]))


def on_ray(*, address: str, workers: int | None) -> Doing:
    """What `run_archive` calls to do its parts on a cluster."""
    return partial(do_on_ray, address=address, workers=workers)

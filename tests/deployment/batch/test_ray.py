from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest

from handful.deployment.batch.archive import find_archive
from handful.deployment.batch.jobs import BatchJob
from handful.deployment.batch.plan import Plan
from handful.deployment.batch.run import RunSummary, run_archive
from handful.deployment.batch.write_chunks import WrittenChunk
from tests.deployment.batch import gray_archives


@pytest.mark.slow
def test_a_ray_cluster_that_loses_a_worker_gives_the_same(tmp_path: Path, job: BatchJob) -> None:
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    from handful.deployment.batch.ray import write_chunks_on_ray

    source = gray_archives.write_folder(tmp_path / "a", 120)
    run_archive(job, find_archive(str(source)), tmp_path / "here", chunk_size=3)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        done = 0

        def do(plan: Plan, chunks: list[int], own: BatchJob) -> Iterable[WrittenChunk]:
            nonlocal done
            for one in write_chunks_on_ray(plan, chunks, own, address="auto", workers=2):
                done += 1
                if done == 5:
                    cluster.remove_node(second, allow_graceful=False)
                    cluster.add_node(num_cpus=1)
                yield one

        found = run_archive(job, find_archive(str(source)), tmp_path / "ray", chunk_size=3, executor=do)
    finally:
        ray.shutdown()
        cluster.shutdown()

    assert found == RunSummary(images=120, chunks=40, failed=0, done=120)
    names = sorted(f.name for f in (tmp_path / "here").glob("part-*"))
    assert names == sorted(f.name for f in (tmp_path / "ray").glob("part-*"))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "ray"), pd.read_parquet(tmp_path / "here"))

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from handful.core.dataset import Dataset, Sample
from handful.data.masks.threshold import MaskRules
from handful.deployment.batch.archive import find_archive
from handful.deployment.batch.jobs import BatchJob
from handful.deployment.batch.plan import LOCK, MANIFEST, Plan
from handful.deployment.batch.run import RunSummary, run_archive
from handful.deployment.batch.write_chunks import WrittenChunk, write_chunks
from handful.deployment.predict_table import predict_table
from handful.errors import DataError, ModelError, OutputError
from handful.saving.classifier import save_classifier
from tests.deployment.batch import gray_archives
from tests.support.classifiers import untrained


def by_level(plan: Plan, chunks: list[int], job: BatchJob) -> Iterable[WrittenChunk]:
    return write_chunks(plan, chunks, gray_archives.GrayLevel(), threads=2)


@pytest.fixture
def job(tmp_path: Path) -> BatchJob:
    return BatchJob("predict", save_classifier(untrained(), tmp_path / "model"))


def run(job: BatchJob, source: Path, out: Path, *, chunk_size: int | None = 4, overwrite: bool = False) -> RunSummary:
    return run_archive(
        job, find_archive(str(source)), out, chunk_size=chunk_size, overwrite=overwrite, executor=by_level
    )


def test_every_image_has_one_row_in_order(tmp_path: Path, job: BatchJob) -> None:
    source = gray_archives.write_folder(tmp_path / "a", 10)

    assert run(job, source, tmp_path / "out") == RunSummary(images=10, chunks=3, failed=0, done=10)

    rows = pd.read_parquet(tmp_path / "out")
    assert rows.id.tolist() == [p.id for p in find_archive(str(source)).locations()]
    assert [f"{level:03d}.png" for level in rows.level] == [Path(i).name for i in rows.id]
    assert rows.error.isna().all()
    assert [pq.read_metadata(f).num_rows for f in sorted((tmp_path / "out").glob("part-*"))] == [4, 4, 2]
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert manifest["complete"]
    assert (manifest["job"]["part_size"], manifest["parts"]) == (4, 3)
    assert [p["rows"] for p in manifest["files"]] == [4, 4, 2]


def test_the_same_command_does_what_is_missing_and_no_more(tmp_path: Path, job: BatchJob) -> None:
    source, out = gray_archives.write_folder(tmp_path / "a", 10), tmp_path / "out"
    run(job, source, out)
    before = {f.name: f.stat().st_mtime_ns for f in out.glob("part-*")}

    assert run(job, source, out, chunk_size=None).done == 0

    second = sorted(before)[1]
    (out / second).unlink()
    assert run(job, source, out).done == 4
    after = {f.name: f.stat().st_mtime_ns for f in out.glob("part-*")}
    assert {name for name in before if before[name] != after[name]} == {second}


def test_images_that_come_later_are_not_of_this_run(tmp_path: Path, job: BatchJob) -> None:
    source, out = gray_archives.write_folder(tmp_path / "a", 10), tmp_path / "out"
    run(job, source, out)
    (out / "part-00001-of-00003.parquet").unlink()
    gray_archives.write_folder(source, 12)

    assert run(job, source, out).images == 10
    assert pd.read_parquet(out).id.is_unique


def test_bad_images_are_recorded_in_their_place(tmp_path: Path, job: BatchJob) -> None:
    source, out = gray_archives.write_folder(tmp_path / "a", 10), tmp_path / "out"
    for name in ("0/000.png", "0/003.png", "0/006.png", "0/009.png", "2/005.png"):  # a whole chunk, and one more
        (source / name).write_bytes(b"no picture")

    assert run(job, source, out) == RunSummary(images=10, chunks=3, failed=5, done=10)

    rows = pd.read_parquet(out)
    bad = rows[rows.error.notna()]
    assert len(rows) == 10
    assert bad.id.tolist() == ["0/000.png", "0/003.png", "0/006.png", "0/009.png", "2/005.png"]
    assert bad.level.isna().all()
    assert rows.level.notna().sum() == 5
    assert run(job, source, out).failed == 5


def test_images_that_went_away_stop_the_run_and_are_no_result(tmp_path: Path, job: BatchJob) -> None:
    source, out = gray_archives.write_folder(tmp_path / "a", 10), tmp_path / "out"
    run(job, source, out)
    for chunk in out.glob("part-*"):
        chunk.unlink()
    source.rename(tmp_path / "b")
    archive = replace(find_archive(str(tmp_path / "b")), root=source)

    with pytest.raises(DataError, match="no image of chunk 0 of 3 can be opened"):
        run_archive(job, archive, out, chunk_size=4, executor=by_level)
    assert not list(out.glob("part-*"))

    (tmp_path / "b").rename(source)
    assert run(job, source, out).failed == 0


def test_another_job_is_refused_and_replaced_only_when_told(tmp_path: Path, job: BatchJob) -> None:
    source, other, out = (
        gray_archives.write_folder(tmp_path / "a", 6),
        gray_archives.write_folder(tmp_path / "b", 3),
        tmp_path / "out",
    )
    run(job, source, out)
    second = replace(job, model=save_classifier(untrained(seed=1), tmp_path / "other"))
    for changed, data, size, what in (
        (second, source, 4, "model"),
        (job, other, 4, "root"),
        (job, source, 5, "chunk_size"),
        (replace(job, coverage=0.9), source, 4, "options"),
    ):
        with pytest.raises(OutputError, match=f"from a run that differs in: {what}"):
            run(changed, data, out, chunk_size=size)

    assert run(job, other, out, overwrite=True).images == 3
    assert len(pd.read_parquet(out)) == 3


def test_a_folder_of_the_users_is_never_written_to(tmp_path: Path, job: BatchJob) -> None:
    source, out = gray_archives.write_folder(tmp_path / "a", 3), tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")

    for overwrite in (False, True):
        with pytest.raises(OutputError, match="holds other files"):
            run(job, source, out, overwrite=overwrite)
    assert [f.name for f in out.iterdir()] == ["thesis.txt"]


def test_a_damaged_manifest_is_an_error_of_ours(tmp_path: Path, job: BatchJob) -> None:
    source, out = gray_archives.write_folder(tmp_path / "a", 3), tmp_path / "out"
    run(job, source, out)
    (out / MANIFEST).write_text("{")

    with pytest.raises(OutputError, match="the manifest is damaged"):
        run(job, source, out)
    assert run(job, source, out, overwrite=True).done == 3


def test_two_processes_do_not_write_to_one_folder(tmp_path: Path, job: BatchJob) -> None:
    fcntl = pytest.importorskip("fcntl")
    source, out = gray_archives.write_folder(tmp_path / "a", 3), tmp_path / "out"
    run(job, source, out)
    with (out / LOCK).open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another process is writing to this folder"):
            run(job, source, out)


def test_an_empty_archive_leaves_no_plan(tmp_path: Path, job: BatchJob) -> None:
    (tmp_path / "a").mkdir()

    with pytest.raises(DataError, match="no images found"):
        run(job, tmp_path / "a", tmp_path / "out")
    assert not list((tmp_path / "out").glob("_plan*"))


def test_answers_are_those_of_a_table(tmp_path: Path, job: BatchJob) -> None:
    classifier = untrained()
    source = gray_archives.write_folder(tmp_path / "a", 10)
    (source / "1" / "001.png").write_bytes(gray_archives.gray_png(200, side=31))
    ids = [p.id for p in find_archive(str(source)).locations()]
    predict_table(classifier, Dataset(tuple(Sample(i, source / i) for i in ids), ()), tmp_path / "t.parquet")
    run_archive(job, find_archive(str(source)), tmp_path / "out", chunk_size=4)

    rows, wanted = pd.read_parquet(tmp_path / "out"), pd.read_parquet(tmp_path / "t.parquet")
    assert rows.columns.tolist() == [*wanted.columns, "error"]
    pd.testing.assert_frame_equal(rows.drop(columns="error"), wanted, rtol=1e-5)


def test_masks_of_an_archive_are_at_each_images_own_size(tmp_path: Path) -> None:
    import io

    import numpy as np
    from PIL import Image as Picture

    model = save_classifier(untrained("segmentation"), tmp_path / "model")
    shard = gray_archives.write_tar(tmp_path / "a.tar", range(5))
    keep = MaskRules(confidence=0.0)
    found = run_archive(BatchJob("propagate", model, keep=keep), find_archive(str(shard)), tmp_path / "out")

    rows = pd.read_parquet(tmp_path / "out")
    assert (found.images, found.failed, len(rows)) == (5, 0, 5)
    for content, share in zip(rows["mask"], rows.share, strict=True):
        assert (content is None) == (share in (0.0, 1.0))
        if content is not None:
            mask = np.asarray(Picture.open(io.BytesIO(content)))
            assert mask.shape == (6, 7)
            assert (mask == 255).mean() == pytest.approx(share)


def test_a_model_that_cannot_do_it_says_so_before_anything_is_listed(tmp_path: Path, job: BatchJob) -> None:
    source = gray_archives.write_folder(tmp_path / "a", 3)
    for changed in (replace(job, task="propagate"), replace(job, coverage=0.9)):
        with pytest.raises(ModelError):
            run_archive(changed, find_archive(str(source)), tmp_path / "out")
    assert not list((tmp_path / "out").glob("_plan*"))


SLOW = """
import sys, time
from pathlib import Path
from handful.deployment.batch.write_chunks import write_chunks
from handful.deployment.batch.archive import find_archive
from handful.deployment.batch.run import run_archive
from handful.deployment.batch.jobs import BatchJob
from tests.deployment.batch.gray_archives import GrayLevel

class Slow(GrayLevel):
    def columns(self, images):
        time.sleep(0.005)
        return super().columns(images)

class Quick(BatchJob):
    def load(self):
        return Slow()

print("ready", flush=True)
run_archive(Quick("predict", Path(sys.argv[1])), find_archive(sys.argv[2]), Path(sys.argv[3]), chunk_size=3)
"""


def test_killed_at_any_moment_no_image_is_lost_or_doubled(tmp_path: Path, job: BatchJob) -> None:
    source, out = gray_archives.write_folder(tmp_path / "a", 60), tmp_path / "out"
    chance = random.Random(0)
    killed = 0
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", SLOW, str(job.model), str(source), str(out)]
    for _ in range(4):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=where) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.12))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
    assert killed
    before = len(list(out.glob("part-*")))

    run_archive(job, find_archive(str(source)), out, chunk_size=3, executor=by_level)

    rows = pd.read_parquet(out)
    assert before < 20
    assert rows.id.tolist() == [p.id for p in find_archive(str(source)).locations()]
    assert [f"{level:03d}.png" for level in rows.level] == [Path(i).name for i in rows.id]
    assert not list(out.glob("*.draft"))


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

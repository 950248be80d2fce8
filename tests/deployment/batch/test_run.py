import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from handful.deployment.batch.archive import find_archive
from handful.deployment.batch.jobs import BatchJob
from handful.deployment.batch.plan import MANIFEST
from handful.deployment.batch.run import RunSummary, run_archive
from tests.deployment.batch import gray_archives
from tests.deployment.batch.gray_archives import run_gray_levels, write_gray_levels


def test_every_image_has_one_row_in_order(tmp_path: Path, job: BatchJob) -> None:
    source = gray_archives.write_folder(tmp_path / "a", 10)

    assert run_gray_levels(job, source, tmp_path / "out") == RunSummary(images=10, chunks=3, failed=0, done=10)

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
    run_gray_levels(job, source, out)
    before = {f.name: f.stat().st_mtime_ns for f in out.glob("part-*")}

    assert run_gray_levels(job, source, out, chunk_size=None).done == 0

    second = sorted(before)[1]
    (out / second).unlink()
    assert run_gray_levels(job, source, out).done == 4
    after = {f.name: f.stat().st_mtime_ns for f in out.glob("part-*")}
    assert {name for name in before if before[name] != after[name]} == {second}


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

    run_archive(job, find_archive(str(source)), out, chunk_size=3, executor=write_gray_levels)

    rows = pd.read_parquet(out)
    assert before < 20
    assert rows.id.tolist() == [p.id for p in find_archive(str(source)).locations()]
    assert [f"{level:03d}.png" for level in rows.level] == [Path(i).name for i in rows.id]
    assert not list(out.glob("*.draft"))

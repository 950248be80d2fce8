from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from handful.deployment.batch.jobs import BatchJob
from handful.deployment.batch.plan import LOCK, MANIFEST
from handful.errors import DataError, OutputError
from handful.saving.classifier import save_classifier
from tests.deployment.batch import gray_archives
from tests.deployment.batch.gray_archives import run_gray_levels
from tests.support.classifiers import untrained


def test_images_that_come_later_are_not_of_this_run(tmp_path: Path, job: BatchJob) -> None:
    source, out = gray_archives.write_folder(tmp_path / "a", 10), tmp_path / "out"
    run_gray_levels(job, source, out)
    (out / "part-00001-of-00003.parquet").unlink()
    gray_archives.write_folder(source, 12)

    assert run_gray_levels(job, source, out).images == 10
    assert pd.read_parquet(out).id.is_unique


def test_another_job_is_refused_and_replaced_only_when_told(tmp_path: Path, job: BatchJob) -> None:
    source, other, out = (
        gray_archives.write_folder(tmp_path / "a", 6),
        gray_archives.write_folder(tmp_path / "b", 3),
        tmp_path / "out",
    )
    run_gray_levels(job, source, out)
    second = replace(job, model=save_classifier(untrained(seed=1), tmp_path / "other"))
    for changed, data, size, what in (
        (second, source, 4, "model"),
        (job, other, 4, "root"),
        (job, source, 5, "chunk_size"),
        (replace(job, coverage=0.9), source, 4, "options"),
    ):
        with pytest.raises(OutputError, match=f"from a run that differs in: {what}"):
            run_gray_levels(changed, data, out, chunk_size=size)

    assert run_gray_levels(job, other, out, overwrite=True).images == 3
    assert len(pd.read_parquet(out)) == 3


def test_a_folder_of_the_users_is_never_written_to(tmp_path: Path, job: BatchJob) -> None:
    source, out = gray_archives.write_folder(tmp_path / "a", 3), tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")

    for overwrite in (False, True):
        with pytest.raises(OutputError, match="holds other files"):
            run_gray_levels(job, source, out, overwrite=overwrite)
    assert [f.name for f in out.iterdir()] == ["thesis.txt"]


def test_a_damaged_manifest_is_an_error_of_ours(tmp_path: Path, job: BatchJob) -> None:
    source, out = gray_archives.write_folder(tmp_path / "a", 3), tmp_path / "out"
    run_gray_levels(job, source, out)
    (out / MANIFEST).write_text("{")

    with pytest.raises(OutputError, match="the manifest is damaged"):
        run_gray_levels(job, source, out)
    assert run_gray_levels(job, source, out, overwrite=True).done == 3


def test_two_processes_do_not_write_to_one_folder(tmp_path: Path, job: BatchJob) -> None:
    fcntl = pytest.importorskip("fcntl")
    source, out = gray_archives.write_folder(tmp_path / "a", 3), tmp_path / "out"
    run_gray_levels(job, source, out)
    with (out / LOCK).open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another process is writing to this folder"):
            run_gray_levels(job, source, out)


def test_an_empty_archive_leaves_no_plan(tmp_path: Path, job: BatchJob) -> None:
    (tmp_path / "a").mkdir()

    with pytest.raises(DataError, match="no images found"):
        run_gray_levels(job, tmp_path / "a", tmp_path / "out")
    assert not list((tmp_path / "out").glob("_plan*"))

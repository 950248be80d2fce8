from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from handful.deployment.batch.archive import find_archive
from handful.deployment.batch.jobs import BatchJob
from handful.deployment.batch.run import RunSummary, run_archive
from handful.errors import DataError
from tests.deployment.batch import gray_archives
from tests.deployment.batch.gray_archives import run_gray_levels, write_gray_levels


def test_bad_images_are_recorded_in_their_place(tmp_path: Path, job: BatchJob) -> None:
    source, out = gray_archives.write_folder(tmp_path / "a", 10), tmp_path / "out"
    for name in ("0/000.png", "0/003.png", "0/006.png", "0/009.png", "2/005.png"):  # a whole chunk, and one more
        (source / name).write_bytes(b"no picture")

    assert run_gray_levels(job, source, out) == RunSummary(images=10, chunks=3, failed=5, done=10)

    rows = pd.read_parquet(out)
    bad = rows[rows.error.notna()]
    assert len(rows) == 10
    assert bad.id.tolist() == ["0/000.png", "0/003.png", "0/006.png", "0/009.png", "2/005.png"]
    assert bad.level.isna().all()
    assert rows.level.notna().sum() == 5
    assert run_gray_levels(job, source, out).failed == 5


def test_images_that_went_away_stop_the_run_and_are_no_result(tmp_path: Path, job: BatchJob) -> None:
    source, out = gray_archives.write_folder(tmp_path / "a", 10), tmp_path / "out"
    run_gray_levels(job, source, out)
    for chunk in out.glob("part-*"):
        chunk.unlink()
    source.rename(tmp_path / "b")
    archive = replace(find_archive(str(tmp_path / "b")), root=source)

    with pytest.raises(DataError, match="no image of chunk 0 of 3 can be opened"):
        run_archive(job, archive, out, chunk_size=4, executor=write_gray_levels)
    assert not list(out.glob("part-*"))

    (tmp_path / "b").rename(source)
    assert run_gray_levels(job, source, out).failed == 0

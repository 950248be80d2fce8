from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from handful.core.dataset import Dataset, Sample
from handful.data.masks.threshold import MaskRules
from handful.deployment.batch.archive import find_archive
from handful.deployment.batch.jobs import BatchJob
from handful.deployment.batch.run import run_archive
from handful.deployment.predict_table import predict_table
from handful.errors import ModelError
from handful.saving.classifier import save_classifier
from tests.deployment.batch import gray_archives
from tests.support.classifiers import untrained


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

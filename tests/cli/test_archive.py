"""Archives of any size from the command line: predict into a folder of chunks, propagate with --chunks."""

from pathlib import Path

import pandas as pd
import pytest

from handful.deployment.batch import run as batch_run
from handful.saving.classifier import save_classifier
from tests.deployment.batch import gray_archives
from tests.support.classifiers import untrained
from tests.support.command_line import fails, ok, ok_json, run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_classifier(untrained("segmentation"), tmp_path / "model")


def test_predict_into_a_folder_goes_on_and_tells_what_was_there(tmp_path: Path, model: Path) -> None:
    shards = gray_archives.write_tar(tmp_path / "s" / "x-0.tar", range(6)).parent
    command = ("predict", model, shards, "-o", tmp_path / "out", "--chunk-size", 4)

    assert ok(*command).startswith("6 images in 2 Parquet chunks in")
    next((tmp_path / "out").glob("part-00001*")).unlink()

    said = ok_json("predict", model, shards, "-o", tmp_path / "out")
    assert said == {"out": str(tmp_path / "out"), "images": 6, "parts": 2, "failed": 0, "done_now": 2}
    assert pd.read_parquet(tmp_path / "out").id.tolist() == [f"x-0.tar/{i:03d}.png" for i in range(6)]


def test_predict_into_a_folder_ends_with_how_far_to_trust_it(tmp_path: Path, model: Path) -> None:
    source = gray_archives.write_folder(tmp_path / "a", 3)

    said = " ".join(ok("predict", model, source, "-o", tmp_path / "out").split())

    assert "How often this model is right is not known" in said
    assert "Doubtful (under 70 %): 3 of 3: " in said
    counts = pd.read_parquet(tmp_path / "out").prediction.value_counts()
    assert all(f"{name} {n}" in said for name, n in counts.items())


def test_images_that_cannot_be_read_give_code_3(tmp_path: Path, model: Path) -> None:
    source = gray_archives.write_folder(tmp_path / "a", 3)
    (source / "1" / "001.png").write_bytes(b"no picture")

    result = run("predict", model, source, "-o", tmp_path / "out")

    assert result.exit_code == 3
    assert "1 could not be read: the column error says why" in " ".join(result.stdout.split())
    assert pd.read_parquet(tmp_path / "out").error.notna().tolist() == [False, True, False]


def test_propagate_in_chunks_keeps_plausible_masks(tmp_path: Path, model: Path) -> None:
    source = gray_archives.write_parquet(tmp_path / "a.parquet", range(5))
    command = ("propagate", source, "--model", model, "--chunks")

    assert ok_json(*command, "-o", tmp_path / "all")["images"] == 5
    ok(*command, "-o", tmp_path / "few", "--max-share", 0.0001)

    rows, few = pd.read_parquet(tmp_path / "all"), pd.read_parquet(tmp_path / "few")
    assert rows.columns.tolist() == ["id", "mask", "share", "error"]
    assert few["mask"].isna().all()
    assert few.share.tolist() == rows.share.tolist()


def test_options_that_do_not_go_together_are_refused(tmp_path: Path, model: Path) -> None:
    source = gray_archives.write_folder(tmp_path / "a", 3)
    predict = ("predict", model, source, "-o")
    out, table = tmp_path / "out", tmp_path / "t.csv"
    for arguments, what in (
        ((*predict, out, "--maps", tmp_path / "maps"), "pictures of maps need a table as output"),
        ((*predict, out, "--workers", 2), "this option needs a cluster"),
        ((*predict, table, "--chunk-size", 2), "this option is for a folder of Parquet chunks"),
        ((*predict, table, "--ray", "local"), "this option is for a folder of Parquet chunks"),
        ((*predict, tmp_path / "t.json"), "not a .csv or .parquet file"),
        (("propagate", source, "-o", out, "--chunks"), "masks of an archive need a segmentation model"),
        (
            ("propagate", source, "-o", out, "--chunks", "--model", model, "--rounds", 2),
            "for training a segmentation model",
        ),
        (("propagate", source, "-o", out, "--chunk-size", 2), "pass --chunks too"),
    ):
        assert what in " ".join(fails(*arguments).split())
    assert not out.exists()


def test_the_earlier_names_of_the_options_still_work(tmp_path: Path, model: Path) -> None:
    source = gray_archives.write_folder(tmp_path / "a", 3)

    assert ok_json("predict", model, source, "-o", tmp_path / "out", "--part-size", 2)["parts"] == 2
    assert ok_json("propagate", source, "--model", model, "--parts", "-o", tmp_path / "masks")["parts"] == 1
    shown = (ok("predict", "--help") + ok("propagate", "--help")).split()
    assert not {"--part-size", "--parts"} & set(shown)


def test_ctrl_c_says_that_the_same_command_goes_on(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = gray_archives.write_folder(tmp_path / "a", 3)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(batch_run, "write_chunks", stop)
        said = fails("predict", model, source, "-o", tmp_path / "out", code=130)
    assert "the same command continues from there" in said
    assert ok_json("predict", model, source, "-o", tmp_path / "out")["done_now"] == 3

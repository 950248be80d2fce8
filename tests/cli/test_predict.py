import csv
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image as Picture

from handful.deployment import predict_table as predict_table_module
from tests.support.command_line import fails, ok, ok_json, write_images
from tests.support.datasets import squares


def test_predict_writes_the_same_as_csv_and_parquet(inputs: Path, tmp_path: Path) -> None:
    said = ok_json("predict", inputs / "model", inputs / "images", "-o", tmp_path / "p.csv")
    assert said["rows"] == 12
    assert sum(said["predictions"].values()) == 12
    ok("predict", inputs / "model", inputs / "images", "-o", tmp_path / "p.parquet")
    text = pd.read_csv(tmp_path / "p.csv")
    binary = pd.read_parquet(tmp_path / "p.parquet")
    assert list(text.columns) == ["id", "label", "prediction", "probability", "p_blue", "p_green", "p_red"]
    pd.testing.assert_frame_equal(text, binary, check_dtype=False, rtol=1e-5)
    assert text["label"].tolist() == [name.split("/")[0] for name in text["id"]]
    chances = binary[["p_blue", "p_green", "p_red"]].to_numpy()
    assert chances.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert binary["probability"].to_numpy() == pytest.approx(chances.max(axis=1))


def test_predict_draws_maps_over_images_without_labels_at_their_own_size(inputs: Path, tmp_path: Path) -> None:
    data = squares(1, size=30, seed=9, masks=False)
    images = write_images(data, tmp_path / "new" / "unlabelled")
    ok("predict", inputs / "model", images.parent, "-o", tmp_path / "p.csv", "--maps", tmp_path / "maps")
    table = list(csv.DictReader((tmp_path / "p.csv").open()))
    assert "label" not in table[0]
    for row in table:
        with Picture.open(tmp_path / "maps" / f"{row['id']}.png") as map_:
            assert map_.size == (30, 30)
    assert (tmp_path / "maps" / "legend.csv").read_text().splitlines()[0] == "class,colour"


def test_predict_in_several_chunks_is_predict_in_one(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ok("predict", inputs / "model", inputs / "images", "-o", tmp_path / "one.csv")
    for suffix in (".csv", ".parquet"):
        monkeypatch.setattr(predict_table_module, "CHUNK", 5)
        ok("predict", inputs / "model", inputs / "images", "-o", tmp_path / f"several{suffix}")
    whole = pd.read_csv(tmp_path / "one.csv")
    for parts in (pd.read_csv(tmp_path / "several.csv"), pd.read_parquet(tmp_path / "several.parquet")):
        pd.testing.assert_frame_equal(whole, parts, check_dtype=False, rtol=1e-4)


def test_a_failed_prediction_leaves_nothing(inputs: Path, tmp_path: Path) -> None:
    images = write_images(squares(1, seed=4), tmp_path / "images")
    next(images.rglob("*.png")).write_bytes(b"no image")
    said = fails("predict", inputs / "model", images, "-o", tmp_path / "p.csv", "--maps", tmp_path / "maps")
    assert "0.png" in said.replace("\n", "")
    assert {p.name for p in tmp_path.iterdir()} == {"images"}

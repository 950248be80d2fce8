import csv
import json
import re
import tarfile
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image as Picture

from handful.deployment import predict_table as predict_table_module
from tests.support.command_line import fails, grouped_table, ok, ok_json, run, write_images
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
    command = ("predict", inputs / "model", images, "-o", tmp_path / "p.csv", "--maps", tmp_path / "maps")
    said = fails(*command, "--strict")
    assert "0.png" in said
    assert {p.name for p in tmp_path.iterdir()} == {"images"}


def test_an_image_is_predicted_on_the_screen(inputs: Path) -> None:
    image = inputs / "images" / "red" / "0.png"
    image = image if image.is_file() else sorted((inputs / "images" / "red").iterdir())[0]
    said = ok("predict", inputs / "model", image)
    assert "probability" in said
    assert "%" in said
    (row,) = ok_json("predict", inputs / "model", image, "--top", 2)["images"]
    assert row["id"] == image.as_posix()
    assert len(row["probabilities"]) == 2
    assert row["prediction"] == next(iter(row["probabilities"]))
    assert row["probability"] == max(row["probabilities"].values())


def test_patterns_and_several_sources_are_predicted_each_image_once(inputs: Path) -> None:
    folder = inputs / "images"
    rows = ok_json("predict", inputs / "model", f"{folder}/r*/*.png", folder / "red", folder / "blue")["images"]
    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids)) == 8
    assert all(Path(name).is_file() for name in ids)
    said = fails("predict", inputs / "model", f"{folder}/*.nothing")
    assert "no files match this pattern" in said
    assert "no such file" in fails("predict", inputs / "model", folder / "nothing.png", folder)


def test_standard_output_takes_csv_and_json_lines(inputs: Path, tmp_path: Path) -> None:
    ok("predict", inputs / "model", inputs / "images", "-o", tmp_path / "P.CSV")
    table = list(csv.DictReader((tmp_path / "P.CSV").open()))
    printed = list(csv.DictReader(ok("predict", inputs / "model", inputs / "images", "-o", "-").splitlines()))
    assert [{**row, "error": ""} for row in table] == printed
    lines = ok("predict", inputs / "model", inputs / "images", "-o", "-", "--json").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [row["id"] for row in table]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_bad_image_is_a_row_with_its_error(
    suffix: str, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = write_images(squares(2, seed=4), tmp_path / "images")
    bad = sorted(images.rglob("*.png"))[1]
    bad.write_bytes(b"no image")
    monkeypatch.setattr(predict_table_module, "CHUNK", 4)
    out = tmp_path / f"p{suffix}"
    result = run("predict", inputs / "model", images, "-o", out)
    assert result.exit_code == 3
    assert "1 could not be read" in " ".join(result.stdout.split())
    table = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
    failed = table[table["error"].notna()]
    assert failed["id"].tolist() == [bad.relative_to(images).as_posix()]
    assert failed["prediction"].isna().all()
    assert failed["p_red"].isna().all()
    assert table["p_red"].notna().sum() == 5
    printed = run("predict", inputs / "model", bad)
    assert printed.exit_code == 3
    assert "not predicted" in printed.stdout


def test_a_missing_file_of_a_table_is_a_row_with_its_error(inputs: Path, tmp_path: Path) -> None:
    good = sorted((inputs / "images" / "red").iterdir())[0]
    (tmp_path / good.name).write_bytes(good.read_bytes())
    (tmp_path / "t.csv").write_text(f"path,label\n{good.name},red\ngone.png,blue\n")
    result = run("predict", inputs / "model", tmp_path / "t.csv", "-o", tmp_path / "p.csv")
    assert result.exit_code == 3
    assert pd.read_csv(tmp_path / "p.csv")["error"].notna().tolist() == [False, True]


@pytest.mark.parametrize("name", ["s.tar", "S.TAR"])
def test_a_tar_file_is_predicted_into_a_table(name: str, inputs: Path, tmp_path: Path) -> None:
    image = sorted((inputs / "images" / "red").iterdir())[0]
    with tarfile.open(tmp_path / name, "w") as tar:
        tar.add(image, "0.png")
        tar.add(inputs / "linear.toml", "1.png")
    result = run("predict", inputs / "model", tmp_path / name, "-o", tmp_path / "p.csv")
    assert result.exit_code == 3
    table = pd.read_csv(tmp_path / "p.csv")
    assert table["id"].tolist() == [f"{name}/0.png", f"{name}/1.png"]
    assert table["error"].notna().tolist() == [False, True]
    direct = ok_json("predict", inputs / "model", image)["images"][0]
    assert table["probability"][0] == pytest.approx(direct["probability"], abs=1e-5)


def test_images_that_the_model_learned_from_are_counted(inputs: Path, tmp_path: Path) -> None:
    said = " ".join(ok("predict", inputs / "model", inputs / "images").split())
    assert (
        "12 of these 12 images are among those that the model learned from: on new ones it is right less often." in said
    )
    Picture.new("RGB", (9, 9), "teal").save(tmp_path / "new.png")
    assert "learned from:" not in ok("predict", inputs / "model", tmp_path / "new.png")


def test_the_images_of_a_group_vote(inputs: Path, tmp_path: Path) -> None:
    table = grouped_table(inputs / "images", tmp_path)
    command = ("predict", inputs / "model", table, "--allow-outside")
    ok(*command, "-o", tmp_path / "single.csv")
    said = ok_json(*command, "-o", tmp_path / "p.csv", "--per-group")
    text = " ".join(ok(*command, "-o", tmp_path / "p.csv", "--per-group", "--overwrite").split())
    assert "class groups" in text
    assert "12 of these images are among those that the model learned from" in text
    single, merged = pd.read_csv(tmp_path / "single.csv"), pd.read_csv(tmp_path / "p.csv")
    groups = dict(pd.read_csv(table)[["path", "group"]].to_numpy())
    assert said["rows"] == len(merged) == len(set(groups.values())) == 6
    assert list(merged.columns[:5]) == ["id", "label", "prediction", "probability", "images"]
    assert (merged["images"] == 2).all()
    single["group"] = [next(group for path, group in groups.items() if path.endswith(name)) for name in single["id"]]
    expected = single.groupby("group")["p_blue"].mean()
    assert merged.set_index("id")["p_blue"].to_dict() == pytest.approx(expected.to_dict(), abs=1e-5)
    table_of_groups = ok(*command, "--per-group").splitlines()
    assert any(line.split() == ["group", "class", "probability"] for line in table_of_groups)
    row = re.compile(r"(blue|green|red)-\d+ +(blue|green|red) +[\d.]+ %")
    assert sum(row.fullmatch(line.strip()) is not None for line in table_of_groups) == 6
    assert "no image has a group" in fails("predict", inputs / "model", inputs / "images", "--per-group")
    assert "groups of an archive" in fails(*command, "--per-group", "-o", tmp_path / "chunks")


def test_an_image_that_cannot_be_read_does_not_vote(inputs: Path, tmp_path: Path) -> None:
    table = grouped_table(inputs / "images", tmp_path)
    rows = list(csv.DictReader(table.open()))
    (tmp_path / "bad.png").write_bytes(b"no image")
    rows = [{**row, "path": "bad.png" if i == 0 else row["path"]} for i, row in enumerate(rows)]
    rows.append({"path": "worse.png", "label": "blue", "group": "worse"})
    (tmp_path / "worse.png").write_bytes(b"no image either")
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, ("path", "label", "group"))
        writer.writeheader()
        writer.writerows(rows)
    result = run("predict", inputs / "model", table, "--allow-outside", "--per-group", "-o", tmp_path / "p.csv")
    assert result.exit_code == 3
    merged = pd.read_csv(tmp_path / "p.csv").set_index("id")
    assert sorted(merged["images"].dropna()) == [1, 2, 2, 2, 2, 2]
    assert isinstance(merged.loc["worse", "error"], str)

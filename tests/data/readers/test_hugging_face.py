import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from handful.core.dataset import Dataset
from handful.data.images import pixels
from handful.data.load import load_data
from handful.data.readers.hugging_face import read_hugging_face
from handful.errors import DataError, HandfulWarning
from tests.data.noise_images import noise_image, save_noise_image

NAMES = ["dog", "cat"]
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def encoded(number: int) -> bytes:
    buffer = io.BytesIO()
    noise_image(number).save(buffer, "PNG")
    return buffer.getvalue()


def features(**more: Any) -> dict[bytes, bytes]:
    known = {"image": {"_type": "Image"}, "label": {"names": NAMES, "_type": "ClassLabel"}, **more}
    return {b"huggingface": json.dumps({"info": {"features": known}}).encode()}


def arrow(labels: list[int], start: int = 0, **more: Any) -> pa.Table:
    images = [{"bytes": encoded(start + i), "path": f"{start + i}.png"} for i in range(len(labels))]
    table = pa.table({"image": pa.array(images, STRUCT), "label": pa.array(labels, pa.int64()), **more})
    return table.replace_schema_metadata(features())


def save_parquet(table: pa.Table, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def save_to_disk(table: pa.Table, folder: Path) -> None:
    """What `datasets.Dataset.save_to_disk` writes, with a cache beside it."""
    folder.mkdir(parents=True)
    for name in ("data-00000-of-00001.arrow", "cache-1234.arrow"):
        with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    (folder / "dataset_info.json").write_text("{}")
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))


def labels(data: Dataset) -> list[str | None]:
    return [None if s.label is None else data.classes[s.label] for s in data.samples]


def test_a_parquet_file_with_images_inside(tmp_path: Path) -> None:
    with pytest.warns(HandfulWarning, match="not used"):  # the extra column of masks
        data = load_data(save_parquet(arrow([1, 0, -1], mask=arrow([0] * 3)["image"]), tmp_path / "a.PARQUET"))
    assert (data.classes, labels(data)) == (("cat", "dog"), ["cat", "dog", None])
    assert data.ids == ("0.png", "1.png", "2.png")
    assert np.array_equal(pixels(data.samples[1]), np.asarray(noise_image(1)).transpose(2, 0, 1))


@pytest.mark.parametrize(
    "names", [("data/train-00000-of-00001", "data/test-00000-of-00001"), ("x/train/0", "x/test/0")]
)
def test_a_folder_of_parquet_files_has_the_splits_of_their_names(tmp_path: Path, names: tuple[str, str]) -> None:
    for name, numbers in zip(names, ([1, 0], [0]), strict=True):
        save_parquet(arrow(numbers), tmp_path / f"{name}.parquet")
    data = load_data(tmp_path)
    assert sorted((s.split, name) for s, name in zip(data.samples, labels(data), strict=True)) == [
        ("test", "dog"),
        ("train", "cat"),
        ("train", "dog"),
    ]
    assert sorted(data.ids) == ["test/0.png", "train/0.png", "train/1.png"]


def test_folders_of_save_to_disk(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/dataset_dict.json").write_text(json.dumps({"splits": ["train", "validation"]}))
    save_to_disk(arrow([1, 0]), tmp_path / "d/train")
    save_to_disk(arrow([0], 5), tmp_path / "d/validation")
    data = load_data(tmp_path / "d")
    assert [s.split for s in data.samples] == ["train", "train", "val"]
    assert labels(data) == ["cat", "dog", "dog"]
    assert len(load_data(tmp_path / "d/validation")) == 1
    (tmp_path / "d/train/state.json").write_text(json.dumps({"_data_files": [{"filename": "../secret"}]}))
    with pytest.raises(DataError, match=r"state\.json: the file is damaged(.|\n)*write it again"):
        load_data(tmp_path / "d")


def test_columns_of_other_names_and_kinds(tmp_path: Path) -> None:
    declared = {
        name: {"names": names, "_type": "ClassLabel"} for name, names in (("fine", ["x", "y"]), ("coarse", NAMES))
    }
    table = pa.table(
        {
            "img": pa.array([encoded(0), encoded(1)], pa.binary()),
            "fine": pa.array([0, 1]),
            "coarse": pa.array([1, 1]),
            "patient": pa.array([7.0, None]),
            "split": ["Training", "test"],
        }
    ).replace_schema_metadata(features(**declared))
    path = save_parquet(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"several columns may be the label \(fine, coarse\)(.|\n)*\"label\": NAME"):
        load_data(path)
    data = load_data(path, columns={"label": "fine", "group": "patient"})
    assert (labels(data), data.ids) == (["x", "y"], ("train/000000", "test/000001"))
    assert [s.group for s in data.samples] == ["7", None]
    with pytest.raises(DataError, match="no column 'gone'; columns are img"):
        load_data(path, columns={"label": "gone"})
    with pytest.raises(DataError, match="unknown column role 'lable'"):
        load_data(path, columns={"lable": "fine"})


def test_images_of_which_only_the_path_is_stored(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "img/a.png", 3)
    for name, message in (("img/a.png", None), ("../b.png", "leads out"), ("gone.png", "row 1: no such image")):
        table = pa.table({"image": pa.array([{"bytes": None, "path": name}], STRUCT), "label": ["a"]})
        path = save_parquet(table, tmp_path / "a.parquet")
        if message is None:
            assert load_data(path).samples[0].image == tmp_path / "img/a.png"
        else:
            with pytest.raises(DataError, match=message):
                load_data(path)


def test_bad_rows_are_named_or_left_out(tmp_path: Path) -> None:
    images = [{"bytes": encoded(0), "path": "good.png"}, {"bytes": b"no image", "path": "bad.png"}]
    path = save_parquet(pa.table({"image": pa.array(images, STRUCT), "label": ["a", "b"]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet, row 2: this is not an image"):
        load_data(path)
    errors: list[tuple[str, DataError]] = []
    data = read_hugging_face(path, on_error=lambda name, error: errors.append((name, error)))
    assert (data.ids, [name for name, _ in errors]) == (("good.png",), ["bad.png"])
    with pytest.raises(DataError, match=r"the label 9 is outside the 2 class names"):
        load_data(save_parquet(arrow([9]), tmp_path / "b.parquet"))
    several = pa.table({"image": pa.array(images[:1], STRUCT), "label": pa.array([[0, 1]], pa.list_(pa.int64()))})
    with pytest.raises(DataError, match="holds several labels for an image"):
        load_data(save_parquet(several, tmp_path / "c.parquet"))


def test_unknown_splits_and_several_configurations_are_refused(tmp_path: Path) -> None:
    for name in ("train", "extra"):
        save_parquet(arrow([0]), tmp_path / f"a/{name}-00000-of-00001.parquet")
        save_parquet(arrow([0]), tmp_path / f"b/{name}/train-00000-of-00001.parquet")
    with pytest.raises(DataError, match="'extra' is not the name of a split"):
        load_data(tmp_path / "a")
    save_parquet(arrow([0]), tmp_path / "b/more/train-00000-of-00001.parquet")
    with pytest.raises(DataError, match=r"several data sets \(.*extra, more\)(.|\n)*folder of one"):
        load_data(tmp_path / "b")


def test_other_parquet_files_are_tables(tmp_path: Path) -> None:
    image = save_noise_image(tmp_path / "a.png")
    path = save_parquet(pa.table({"path": ["a.png"], "label": ["x"]}), tmp_path / "t.parquet")
    assert load_data(path).samples[0].image == image
    named = pa.table({"path": ["a.png"], "label": [1]}).replace_schema_metadata(features())
    assert load_data(save_parquet(named, path)).classes == ("cat",)


@pytest.mark.parametrize("suffix", ["PNG", "TIFF"])
def test_images_of_16_bits_have_the_range_of_the_data_set(tmp_path: Path, suffix: str) -> None:
    cells = []
    for top in (3000, 4095):
        buffer = io.BytesIO()
        Image.fromarray(np.array([[0, top]], np.uint16)).save(buffer, suffix)
        cells.append({"bytes": buffer.getvalue(), "path": f"{top}.{suffix.lower()}"})
    table = pa.table({"image": pa.array(cells, STRUCT), "label": pa.array([0, 1], pa.int64())})
    path = save_parquet(table.replace_schema_metadata(features()), tmp_path / "a.parquet")
    with pytest.warns(HandfulWarning, match="up to 4,095: all are read as 12-bit"):
        data = load_data(path)
    assert [pixels(s)[0, 0].tolist() for s in data.samples] == [[0, round(3000 * 255 / 4095)], [0, 255]]

import csv
import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from handful.data.load import load_data
from handful.errors import DataError, HandfulWarning, OutputError
from handful.inspection.cleaned_table import write_cleaned_table
from handful.inspection.measurements import Measurements, measure_images
from tests.data.noise_images import save_noise_image
from tests.inspection.smooth_images import measure, smooth_dataset, smooth_image


def _folder(root: Path) -> Path:
    """Two classes; a copy within one, one in both, a copy across the split, and a damaged file."""
    numbers = {
        "train/cat/a.png": 1,
        "train/cat/b.png": 1,
        "train/cat/c.png": 2,
        "train/dog/d.png": 3,
        "train/dog/e.png": 2,
        "train/dog/f.png": 4,
        "test/dog/g.png": 4,
        "test/cat/h.png": 5,
    }
    for name, number in numbers.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Picture.fromarray(smooth_image(number).transpose(1, 2, 0)).save(root / name)
    (root / "train/cat/z.png").write_bytes(b"no picture")
    return root


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_new_table_leaves_out_copies_and_loads_again(tmp_path: Path) -> None:
    data = load_data(_folder(tmp_path / "images"))
    before = {p: p.read_bytes() for p in (tmp_path / "images").rglob("*.png")}
    known = measure_images(data)
    assert known.unreadable == (("train/cat/z.png", "this is not an image that can be read"),)
    fixed = write_cleaned_table(known, tmp_path / "new.csv")
    assert (fixed.rows, fixed.unreadable, fixed.copies, fixed.conflicts) == (4, 1, 2, 2)
    kept = [row["path"] for row in _rows(tmp_path / "new.csv")]
    assert kept == [f"images/{n}" for n in ("test/cat/h.png", "test/dog/g.png", "train/cat/a.png", "train/dog/d.png")]
    again = load_data(tmp_path / "new.csv")
    assert [(s.split, again.classes[s.label or 0]) for s in again.samples] == [
        ("test", "cat"),
        ("test", "dog"),
        ("train", "cat"),
        ("train", "dog"),
    ]
    assert before == {p: p.read_bytes() for p in (tmp_path / "images").rglob("*.png")}


def test_near_copies_share_a_group(tmp_path: Path) -> None:
    folder = tmp_path / "images" / "cat"
    folder.mkdir(parents=True)
    for i in range(12):
        Picture.fromarray(smooth_image(i).transpose(1, 2, 0)).save(folder / f"{i:02d}.png")
    Picture.fromarray(smooth_image(3).transpose(1, 2, 0)).save(folder / "again.jpg", quality=70)
    fixed = write_cleaned_table(measure_images(load_data(tmp_path / "images")), tmp_path / "new.csv")
    groups = {row["path"]: row["group"] for row in _rows(tmp_path / "new.csv")}
    assert fixed.groups == 1
    assert {p for p, g in groups.items() if g} == {"images/cat/03.png", "images/cat/again.jpg"}


def test_nothing_is_overwritten_and_arrays_have_no_table(tmp_path: Path) -> None:
    known = measure(smooth_dataset(2))
    with pytest.raises(DataError, match="images are not files"):
        write_cleaned_table(known, tmp_path / "new.csv")
    (tmp_path / "there.csv").write_text("mine")
    with pytest.raises(OutputError, match="already exists"):
        write_cleaned_table(known, tmp_path / "there.csv")
    with pytest.raises(OutputError, match=r"ends? its name in \.csv|end its name"):
        write_cleaned_table(known, tmp_path / "new.parquet")
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_facts_hold_what_files_say_of_themselves(tmp_path: Path) -> None:
    folder = tmp_path / "cat"
    folder.mkdir()
    exif = Picture.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Model"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    Picture.fromarray(smooth_image(0).transpose(1, 2, 0)).save(folder / "a.jpg", exif=exif)
    Picture.fromarray(smooth_image(1)[0]).save(folder / "b.png")
    known: Measurements = measure_images(load_data(tmp_path))
    assert known.modes == ("RGB", "L")
    assert known.bytes.tolist() == [(folder / n).stat().st_size for n in ("a.jpg", "b.png")]
    first, second = known.captures
    assert second is None
    assert first is not None
    assert (first.camera, str(first.taken)) == ("Maker Model", "2020-01-02 03:04:05")


def test_pictures_are_handed_on_once_each(tmp_path: Path) -> None:
    data = smooth_dataset(3)
    seen = []

    def features(images):  # type: ignore[no-untyped-def]
        for image in images:
            seen.append(image)
            yield np.ones((1, 4), np.float32)

    known = measure_images(replace(data, samples=data.samples), features=features)
    assert len(seen) == 9
    assert known.features is not None
    assert known.features.shape == (9, 4)


def test_names_with_blanks_separators_quotes_and_line_breaks_are_read_back(tmp_path: Path) -> None:
    for i, name in enumerate((" dog/a b.png", "cat, the/x;y.png", 'the "old"/z\nz.png', "caf\u00e9/ e.png")):
        save_noise_image(tmp_path / "images" / name, i)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HandfulWarning)  # of the blank
        data = load_data(tmp_path / "images")
        write_cleaned_table(measure_images(data), tmp_path / "images/t.csv")
        again = load_data(tmp_path / "images/t.csv")
    assert again.classes == data.classes
    assert [again.classes[s.label or 0] for s in again.samples] == [data.classes[s.label or 0] for s in data.samples]
    assert [s.image for s in again.samples] == [s.image for s in data.samples]


def test_names_that_are_not_utf_8_are_read_back(tmp_path: Path) -> None:
    for i, name in enumerate(("cat/a.png", "dog/b.png")):
        save_noise_image(tmp_path / name, i)
    os.rename(tmp_path / "cat/a.png", os.fsencode(tmp_path / "cat") + b"/caf\xe9.png")  # noqa: PTH104
    data = load_data(tmp_path)
    write_cleaned_table(measure_images(data), tmp_path / "t.csv")
    assert load_data(tmp_path / "t.csv").ids == data.ids


def test_doubtful_labels_are_a_column_that_is_not_read(tmp_path: Path) -> None:
    known = measure_images(load_data(_folder(tmp_path / "images")))
    write_cleaned_table(known, tmp_path / "new.csv", doubts={"train/dog/d.png": "looks like cat"})
    assert [row["doubt"] for row in _rows(tmp_path / "new.csv")] == ["", "", "", "looks like cat"]
    assert load_data(tmp_path / "new.csv").classes == ("cat", "dog")

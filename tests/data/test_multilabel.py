"""Multilabel data: targets from lists, columns, arrays and copies in class folders."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from handful.core.dataset import Dataset
from handful.data.arrays import from_arrays
from handful.data.check import check
from handful.data.fingerprint import fingerprint, part_fingerprints
from handful.data.load import load_data
from handful.data.multilabel import parse_label_format
from handful.errors import DataError
from tests.data.noise_images import save_noise_image

NAN = float("nan")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, name in enumerate("abcde"):
        save_noise_image(tmp_path / f"{name}.png", i)
    return tmp_path


def _table(folder: Path, *rows: str) -> Path:
    path = folder / "t.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def _targets(data: Dataset) -> list[list[float | None]]:
    return [[None if np.isnan(v) else float(v) for v in row] for row in data.targets()]


def test_a_list_names_the_classes_of_an_image(folder: Path) -> None:
    table = _table(folder, "path,label", "a.png,scratch|dent", "b.png, dent ", "c.png,none", "d.png,", "e.png,rust")
    data = load_data(table, multilabel="|")
    assert (data.kind, data.classes) == ("multilabel", ("dent", "rust", "scratch"))
    assert _targets(data) == [[1, 0, 1], [1, 0, 0], [0, 0, 0], [None] * 3, [0, 1, 0]]
    assert [s.labelled for s in data.samples] == [True, True, True, False, True]
    assert (data.counts.tolist(), data.absents.tolist()) == ([2, 1, 1], [2, 3, 3])


def test_classes_that_a_list_leaves_out_may_be_unknown(folder: Path) -> None:
    table = _table(folder, "path,label", "a.png,cat", "b.png,cat|dog", "c.png,none")
    data = load_data(table, multilabel="|", unlisted="unknown")
    assert _targets(data) == [[1, None], [1, 1], [0, 0]]


def test_without_the_option_a_separator_is_part_of_a_name(folder: Path) -> None:
    table = _table(folder, "path,label", "a.png,cat|dog", "b.png,cat")
    assert load_data(table).classes == ("cat", "cat|dog")


def test_a_column_for_each_class(folder: Path) -> None:
    table = _table(
        folder,
        "path,split,scratch,dent",
        "a.png,train,1,0",
        "b.png,train,yes,",
        "c.png,test,?,-1.0",
        "d.png,test,0.0,TRUE",
    )
    data = load_data(table, multilabel="columns")
    assert data.classes == ("dent", "scratch")
    assert _targets(data) == [[0, 1], [None, 1], [None, None], [1, 0]]
    assert [s.split for s in data.samples] == ["train", "train", "test", "test"]
    absent = load_data(table, multilabel="columns", unlisted="absent")
    assert _targets(absent)[:3] == [[0, 1], [0, 1], [None, None]]


def test_columns_that_are_no_class_are_left_out_by_naming_the_classes(folder: Path) -> None:
    table = _table(folder, "path,photographer,scratch,dent", "a.png,Ann,1,0", "b.png,Bob,0,1")
    with pytest.raises(DataError, match=r"'Ann' says neither.*\n.*columns:NAME,NAME"):
        load_data(table, multilabel="columns")
    assert load_data(table, multilabel="columns:scratch,dent").classes == ("dent", "scratch")
    with pytest.raises(DataError, match=r"no column 'dant'(.*\n)+.*'dent'"):
        load_data(table, multilabel="columns:scratch,dant")


def test_columns_of_a_parquet_file(folder: Path) -> None:
    table = folder / "t.parquet"
    columns = {"path": ["a.png", "b.png"], "cat": [True, None], "dog": [0.0, 1.0]}
    pyarrow.parquet.write_table(pyarrow.table(columns), table)
    assert _targets(load_data(table, multilabel="columns")) == [[1, 0], [None, 1]]


def test_copies_in_several_class_folders_are_one_image(folder: Path) -> None:
    for name, classes in {"a": ("cat", "dog"), "b": ("cat",), "c": ("dog",)}.items():
        for class_name in classes:
            (folder / "images" / class_name).mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / f"{name}.png", folder / "images" / class_name / f"{name}-{class_name}.png")
    data = load_data(folder / "images", multilabel="folders")
    assert data.ids == ("cat/a-cat.png", "cat/b-cat.png", "dog/c-dog.png")
    assert _targets(data) == [[1, 1], [1, 0], [0, 1]]


def test_an_archive_of_arrays_with_targets(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 8, 8), dtype=np.uint8)
    np.savez(
        tmp_path / "x.npz",
        train_images=images,
        train_targets=np.array([[1, 0], [NAN, 1], [NAN, NAN]]),
        test_images=images[:1],
        test_targets=np.array([[0, 1]]),
        class_names=np.array(["dog", "cat"]),
    )
    data = load_data(tmp_path / "x.npz")
    assert (data.kind, data.classes) == ("multilabel", ("cat", "dog"))
    assert _targets(data) == [[0, 1], [1, None], [None, None], [1, 0]]


def test_targets_of_arrays(tmp_path: Path) -> None:
    images = np.zeros((2, 8, 8), np.uint8)
    data = from_arrays(images, targets=[[1, NAN], [0, 1]], classes=["b", "a"])
    assert _targets(data) == [[None, 1], [1, 0]]
    with pytest.raises(DataError, match=r"targets\[1, 0\]: 0.5 is not an entry"):
        from_arrays(images, targets=[[1, 0], [0.5, 1]])
    with pytest.raises(DataError, match="labels and targets are both given"):
        from_arrays(images, ["a", "b"], targets=[[1, 0], [0, 1]])


@pytest.mark.parametrize(
    ("multilabel", "rows", "message"),
    [
        ("a", ["path,label", "a.png,x"], "'a' is not a form of several labels"),
        ("folders", ["path,label", "a.png,x"], "has no class folders"),
        ("|", ["path,tags", "a.png,x"], "no column 'label'"),
        ("|", ["path,label", "a.png,none|x"], "names classes, and none"),
        ("columns", ["path", "a.png"], "no column is a class"),
    ],
)
def test_what_cannot_be_read_is_refused(folder: Path, multilabel: str, rows: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_data(_table(folder, *rows), multilabel=multilabel)


def test_unlisted_without_a_form_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="images have one label"):
        load_data(_table(folder, "path,label", "a.png,x"), unlisted="unknown")


def test_a_source_with_one_label_refuses_a_form() -> None:
    with pytest.raises(DataError, match="digits has no lists of labels"):
        load_data("digits", multilabel="|")


def test_what_needs_one_label_per_image_says_so(folder: Path) -> None:
    data = load_data(_table(folder, "path,label", "a.png,cat", "b.png,cat|dog"), multilabel="|")
    with pytest.raises(DataError, match="several labels each"):
        _ = data.labels


def test_targets_change_the_fingerprint(folder: Path) -> None:
    one = load_data(_table(folder, "path,label", "a.png,cat", "b.png,dog"), multilabel="|")
    other = load_data(_table(folder, "path,label", "a.png,cat", "b.png,cat|dog"), multilabel="|")
    plain = load_data(_table(folder, "path,label", "a.png,cat", "b.png,dog"))
    assert len({fingerprint(one), fingerprint(other), fingerprint(plain)}) == 3
    differing = {k for k, v in part_fingerprints(one).items() if v != part_fingerprints(other)[k]}
    assert differing == {"labels"}


def test_a_check_names_a_class_that_too_few_images_show(folder: Path) -> None:
    data = load_data(_table(folder, "path,label", "a.png,cat|dog", "b.png,cat", "c.png,none"), multilabel="|")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check(data) == []
    with pytest.raises(DataError, match="class 'dog': is shown by 1 training images, fewer than the 2 needed"):
        check(data, per_class=2)


def test_copies_that_contradict_each_other_are_a_finding(folder: Path) -> None:
    shutil.copy(folder / "a.png", folder / "b.png")
    data = load_data(_table(folder, "path,label", "a.png,cat|dog", "b.png,cat", "c.png,dog"), multilabel="|")
    with pytest.warns(UserWarning, match="several classes"):
        assert [finding.kind for finding in check(data)] == ["duplicate across classes"]


def test_the_forms_of_the_option() -> None:
    assert parse_label_format("; ").separator == "; "
    assert parse_label_format("folders", "unknown").default != 0
    assert parse_label_format("|").default == 0
    assert np.isnan(parse_label_format("columns").default)

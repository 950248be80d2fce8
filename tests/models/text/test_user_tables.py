from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handful.errors import DataError
from handful.models.text.user_tables import read_class_texts, read_class_vectors

ROWS = {"cat": [1.0, 2.0], "police van": [3.0, -4.5]}


def test_vectors_from_csv_and_from_both_kinds_of_archive(tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text("cat,1,2\npolice van,3,-4.5\n")
    (tmp_path / "headed.csv").write_text('class,x,y\ncat,1,2\n"police van",3,-4.5\n')
    np.savez(tmp_path / "two.npz", classes=np.array(list(ROWS)), vectors=np.array(list(ROWS.values())))
    each: Any = {name: np.array(row) for name, row in ROWS.items()}
    np.savez(tmp_path / "each.npz", **each)
    for name in ("plain.csv", "headed.csv", "two.npz", "each.npz"):
        found = read_class_vectors(tmp_path / name)
        assert {k: v.tolist() for k, v in found.items()} == ROWS
        assert all(v.dtype == np.float32 for v in found.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cat,1,2\ncat,1,2\n", "'cat' is listed twice"),
        ("cat,1,2\ndog,1\n", "one length, not 2 .'cat'. and 1 .'dog'."),
        ("cat,1,2\ndog,1,x\n", "in the row of 'dog'"),
        ("cat,1,nan\n", "not a row of finite numbers"),
        ("cat\n", "not a row of finite numbers"),
        ("", "not none"),
    ],
)
def test_wrong_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "v.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_class_vectors(tmp_path / "v.csv")


def test_wrong_archives_and_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", classes=np.array(["cat"]), vectors=np.ones((2, 3)))
    with pytest.raises(DataError, match="do not fit"):
        read_class_vectors(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", cat=np.array(["x"]))
    with pytest.raises(DataError, match="not an array of numbers"):
        read_class_vectors(tmp_path / "b.npz")
    (tmp_path / "c.npz").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match="cannot be read"):
        read_class_vectors(tmp_path / "c.npz")
    with pytest.raises(DataError, match="no such file"):
        read_class_vectors(tmp_path / "d.csv")
    with pytest.raises(DataError, match=r"give a .csv or .npz"):
        read_class_vectors(_touch(tmp_path / "e.txt"))


def _touch(path: Path) -> Path:
    path.touch()
    return path


def test_texts_from_a_mapping_and_from_files(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('"0" = "zero"\nother = "thing"\n')
    (tmp_path / "a.csv").write_text('0,zero\nother,"thing, or two"\n')
    classes = ("0", "1")
    for given in ({"0": "zero"}, str(tmp_path / "a.toml"), str(tmp_path / "a.csv")):
        assert read_class_texts(given, classes, what="aliases") == {"0": "zero"}
    assert read_class_texts(None, classes, what="aliases") == {}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "0 = ", "not TOML"),
        ("a.toml", "0 = 1", "'0' has no text"),
        ("a.csv", "0,zero\n0,nought\n", "listed twice"),
        ("a.csv", "0,\n", "'0' has no text"),
        ("a.txt", "", "not a file of aliases"),
        ("a.csv", "zero,nought\n", "no class is in this file of aliases"),
    ],
)
def test_wrong_text_files_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_class_texts(str(tmp_path / name), ("0",), what="aliases")
    with pytest.raises(DataError, match="no such file"):
        read_class_texts(str(tmp_path / "none.toml"), ("0",), what="aliases")
    with pytest.raises(DataError, match="unknown class 'zero'"):
        read_class_texts({"zero": "0"}, ("0",), what="aliases")

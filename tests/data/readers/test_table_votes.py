"""Columns votes:CLASS of a table, and a column of weights."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from handful.data.load import load_data
from handful.data.readers.table import read_table
from handful.errors import DataError, HandfulWarning
from tests.data.noise_images import save_noise_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, name in enumerate("abc"):
        save_noise_image(tmp_path / f"{name}.png", i)
    return tmp_path


def table(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_votes_are_shares_and_the_label_is_that_of_most(folder: Path) -> None:
    text = "path,votes:dog,Votes: cat,votes:emu,w\na.png,3,1,,2\nb.png,0,5,0,\nc.png,,,,0.5\n"
    data = read_table(table(folder, text), columns={"weight": "w"})
    assert data.classes == ("cat", "dog")  # nobody saw an emu
    assert [s.label for s in data.samples] == [1, 0, None]
    assert data.probabilities().tolist() == [[0.25, 0.75], [1, 0], [0, 0]]
    assert [s.weight for s in data.samples] == [2, 1, 0.5]
    assert not data.left_out


def test_a_label_beside_votes_decides_draws_and_scores(folder: Path) -> None:
    data = read_table(table(folder, "path,label,votes:cat,votes:dog\na.png,cat,1,3\nb.png,dog,0,2\nc.png,fox,,\n"))
    assert data.classes == ("cat", "dog", "fox")
    assert data.labels.tolist() == [0, 1, 2]
    assert data.probabilities()[0].tolist() == [0.25, 0.75, 0]


def test_a_label_of_minus_one_beside_votes_is_not_said_to_be_unlabelled(folder: Path) -> None:
    rows = "path,label,votes:0,votes:1\na.png,0,2,0\nb.png,1,,\nc.png,-1,{}\n"
    with pytest.warns(HandfulWarning, match="1 label is -1, read as unlabelled"):
        assert read_table(table(folder, rows.format(","))).labels.tolist() == [0, 1, -1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_table(table(folder, rows.format("1,3"))).labels.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("path,votes:cat,votes:dog\na.png,many,1\n", "'many' is not a number"),
        ("path,votes:cat,votes:dog\na.png,-1,2\n", "-1 votes of 'cat'"),
        ("path,votes:cat,votes:cat\na.png,1,2\n", "as an earlier one does"),
        ("path,votes:,votes:dog\na.png,1,2\n", "names no class"),
        ("path,votes:cat,votes:dog\na.png,0,\n", "there is no vote in the columns"),
    ],
)
def test_columns_and_cells_that_say_nothing_are_refused(folder: Path, text: str, match: str) -> None:
    with pytest.raises(DataError, match=match):
        read_table(table(folder, text))


def test_rows_of_one_image_that_differ_in_votes_are_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="different values of votes:cat"):
        read_table(table(folder, "path,votes:cat,votes:dog\na.png,1,1\na.png,2,1\n"))


def test_votes_of_bags_are_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="labels belong to bags"):
        read_table(table(folder, "path,slide,votes:cat,votes:dog\na.png,1,1,2\n"), bag="slide")


def test_an_archive_has_probabilities_and_weights(tmp_path: Path) -> None:
    images = np.zeros((3, 8, 8, 3), np.uint8)
    votes = np.array([[1, 3], [2, 0], [0, 0]])
    names = np.array(["dog", "cat"])
    np.savez(tmp_path / "one.npz", images=images, probabilities=votes, weights=[1, 2, 3], class_names=names)
    data = load_data(tmp_path / "one.npz")
    assert data.classes == ("cat", "dog")
    assert data.probabilities().tolist() == [[0.75, 0.25], [0, 1], [0, 0]]
    assert [s.weight for s in data.samples] == [1, 2, 3]
    np.savez(tmp_path / "two.npz", train_images=images, train_labels=[0, 1, 1], train_probabilities=votes[:2])
    with pytest.raises(DataError, match="for 3 images and 2 classes"):
        load_data(tmp_path / "two.npz")

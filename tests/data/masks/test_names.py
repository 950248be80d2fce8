"""Which image a name in an annotation file means."""

import pytest

from handful.data.masks.names import Names, stem
from handful.errors import DataError

IDS = ("train/cat/001.jpg", "train/dog/001.jpg", "train/dog/002.png", "plain", "v1.2")


@pytest.mark.parametrize(
    ("name", "position"),
    [
        ("train/cat/001.jpg", 0),
        ("dog/001.jpg", 1),
        ("train\\dog\\001.jpg", 1),
        ("/somewhere/train/cat/001.jpg", 0),
        ("002.png", 2),
        ("002.jpg", 2),  # converted since
        ("plain.png", 3),
        ("v1.2.png", 4),
        ("bird/001.jpg", None),
        ("at/001.jpg", None),  # whole parts of the path only
        ("003.png", None),
        ("", None),
    ],
)
def test_names(name: str, position: int | None) -> None:
    assert Names(IDS).find(name, "somewhere") == position


def test_a_name_that_fits_two_is_an_error_that_names_them() -> None:
    with pytest.raises(DataError, match=r"file\.json.*train/cat/001\.jpg, train/dog/001\.jpg"):
        Names(IDS).find("001.jpg", "file.json")


def test_the_extension_decides_where_it_can() -> None:
    names = Names(("a/1.jpg", "a/1.png"))
    assert names.find("1.png", "") == 1
    with pytest.raises(DataError, match="several images"):
        names.find("1.bmp", "")


def test_a_folder_that_all_names_share_may_be_missing_here() -> None:
    names = Names(("cat/1.jpg", "dog/2.jpg"))
    assert names.find_each([("images/1.jpg",), ("images/2.jpg",)], ["", ""]) == [0, 1]
    assert names.find_each([("images/1.jpg",), ("other/2.jpg",)], ["", ""]) == [None, None]
    # One name that fits as it stands shows that folders mean something.
    assert names.find_each([("cat/1.jpg",), ("cat/2.jpg",)], ["", ""]) == [0, None]
    assert names.find_each([("x.jpg", "2.jpg")], [""]) == [1]
    assert names.find_each([], []) == []


def test_stem() -> None:
    assert [stem(x) for x in ("a/b.JPG", "a/b", "a/v1.2", "b.jpg.png")] == ["a/b", "a/b", "a/v1.2", "b.jpg"]

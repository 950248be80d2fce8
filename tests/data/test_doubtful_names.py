import warnings

import pytest

from handful.data.doubtful_names import MISSING, warn_doubtful_names
from handful.errors import HandfulWarning, command_line


def notes(names: list[str]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught, command_line():
        warnings.simplefilter("always")
        warn_doubtful_names(names, "photos.csv")
    assert all(issubclass(w.category, HandfulWarning) for w in caught)
    return [str(w.message) for w in caught]


def test_marks_of_a_missing_value_are_named_with_their_images_in_one_note() -> None:
    assert notes(["rust", "miner", "?", "N/A", "?"]) == [
        "photos.csv: '?' (2 images) and 'N/A' (1 image) are classes here; where it means that there is no label, leave "
        "the cell empty, or move these images to a folder unlabelled/"
    ]


@pytest.mark.parametrize("mark", sorted(MISSING))
def test_every_mark_is_one(mark: str) -> None:
    (note,) = notes(["rust", "miner", mark.upper()])
    assert "leave the cell empty" in note


@pytest.mark.parametrize(
    "names",
    [
        ["2024-01-12", "2024-02-11"],
        ["12.01.2024", "3/4/24"],
        ["2024-01-12 00:00:00", "2024-01-13 00:00:00", "?"],
    ],
)
def test_dates_are_said_to_be_dates(names: list[str]) -> None:
    note = notes(names)[-1]
    assert "classes look like dates" in note
    assert "choose other labels (--column label=NAME), or undo what a spreadsheet made of them" in note


@pytest.mark.parametrize("names", [["0.1", "0.25", "3", "4", "5,5"], [str(i) for i in range(30)] * 2])
def test_measurements_are_said_to_be_no_classes(names: list[str]) -> None:
    (note,) = notes(names)
    assert "look like measurements (" in note
    assert "put the values into a few ranges; `handful fit DATA --number NAME` predicts them as numbers" in note


@pytest.mark.parametrize(
    "names",
    [
        ["0", "1", "2", "3", "4"],
        ["1.0", "2.0", "3.0", "4.0", "5.0"],  # whole numbers beside an empty cell, as pandas writes them
        [str(i) for i in range(100)] * 10,
        ["2024-01-12", "rust"],
        ["0.5", "1.5"],
        ["none"],
        [],
    ],
)
def test_class_names_that_can_be_meant_are_not_doubted(names: list[str]) -> None:
    assert notes(names) == []

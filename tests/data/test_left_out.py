import warnings
from dataclasses import replace

import pytest

from handful.core.dataset import Dataset
from handful.core.left_out import LeftOut
from handful.data.left_out import merged, summary, warn_left_out
from handful.errors import HandfulWarning
from tests.data.noise_images import noise_dataset


def test_a_kind_is_said_once_with_its_number_and_the_first_paths() -> None:
    item = LeftOut("links whose target is missing", ("a.png", "b.png", "c.png", "d.png", "e.png"), "remove them")
    assert summary(item) == "links whose target is missing: 5 not used (a.png; b.png; c.png; and 2 more)"
    assert summary(LeftOut("HEIC images", ("a.heic",), "convert them")) == "HEIC images: 1 not used (a.heic)"


def test_items_of_one_kind_are_merged_and_a_path_counts_once() -> None:
    items = (
        LeftOut("A", ("1", "2"), "x"),
        LeftOut("B", (), "y"),
        LeftOut("C", ("9",), "z"),
        LeftOut("A", ("2", "3"), "x"),
    )
    assert merged(items) == (LeftOut("A", ("1", "2", "3"), "x"), LeftOut("C", ("9",), "z"))


def test_each_kind_gives_one_warning() -> None:
    data = Dataset((), (), (LeftOut("A", ("1",), "do x"), LeftOut("B", ("2",), "do y"), LeftOut("A", ("3",), "do x")))
    with pytest.warns(HandfulWarning) as said:
        warn_left_out(data)
    assert [str(w.message) for w in said] == ["A: 2 not used (1; 3); do x", "B: 1 not used (2); do y"]


def test_data_that_are_used_whole_give_no_warning() -> None:
    whole = noise_dataset([0, 1])
    for data, number in ((whole, 0), (replace(whole, left_out=(LeftOut("A", ("1",), "x"),)), 1)):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            warn_left_out(data)
        assert len(said) == number

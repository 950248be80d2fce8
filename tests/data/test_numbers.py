"""Numbers per image: their tables and arrays, and draws and folds by fifths of their range."""

from pathlib import Path

import numpy as np
import pytest

from handful.data.arrays import from_arrays
from handful.data.check import check
from handful.data.load import load_data
from handful.data.numbers import in_fifths, scale_of
from handful.data.splits import draw, draw_counts, folds, holdout
from handful.errors import DataError, HandfulWarning
from tests.data.noise_images import save_noise_image
from tests.support.datasets import numbered_squares


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, name in enumerate("abcd"):
        save_noise_image(tmp_path / f"{name}.png", i)
    return tmp_path


def _table(folder: Path, *rows: str) -> Path:
    path = folder / "t.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_a_column_of_a_table_holds_a_number_for_each_image(folder: Path) -> None:
    table = _table(folder, "path,age,area,split", "a.png,31,1.5e2,train", "b.png, 7.25 ,,train", "c.png,?,?,test")
    data = load_data(table, number="area,age")
    assert (data.kind, data.classes) == ("number", ("area", "age"))
    np.testing.assert_array_equal(data.targets(), [[150, 31], [np.nan, 7.25], [np.nan, np.nan]])
    assert [s.labelled for s in data.samples] == [True, True, False]
    assert (data.counts.tolist(), data.samples[2].split) == ([1, 2], "test")
    assert "target=[150, 31]" in repr(data.samples[0])


def test_a_cell_that_is_not_a_number_is_refused_with_its_row_and_column(folder: Path) -> None:
    for cell in ("31 years", "inf", "1;5"):
        with pytest.raises(DataError, match=rf"line 3, age: '{cell}' is not a number"):
            load_data(_table(folder, "path,age", "a.png,1", f"b.png,{cell}"), number="age")
    with pytest.raises(DataError, match=r"no column 'agee'(.*\n)+.*'age'"):
        load_data(_table(folder, "path,age", "a.png,1"), number="agee")
    with pytest.raises(DataError, match="names a column twice"):
        load_data(_table(folder, "path,age", "a.png,1"), number="age,age")


def test_numbers_are_read_from_tables_alone_and_beside_no_labels(folder: Path) -> None:
    with pytest.raises(DataError, match=r"has no columns(.*\n)+.*table with a column of numbers"):
        load_data(folder, number="age")
    with pytest.raises(DataError, match="labels or numbers"):
        load_data(_table(folder, "path,age", "a.png,1"), number="age", multilabel="|")
    with pytest.raises(DataError, match="numbers have no classes"):
        load_data(_table(folder, "path,age", "a.png,1"), number="age", classes=["old"])


def test_numbers_of_arrays() -> None:
    images = np.zeros((3, 8, 8), np.uint8)
    assert from_arrays(images, numbers=[1, 2.5, np.nan]).classes == ("number",)
    data = from_arrays(images, numbers=np.array([[1, 2], [3, 4], [np.nan, 6]]))
    assert data.classes == ("0", "1")
    with pytest.raises(DataError, match="a number is infinite"):
        from_arrays(images, numbers=[1, 2, np.inf])
    with pytest.raises(DataError, match="both given"):
        from_arrays(images, ["a", "b", "c"], numbers=[1, 2, 3])
    with pytest.raises(DataError, match="give a number for each image"):
        from_arrays(images, numbers=["a", "b", "c"])


def test_the_labels_of_numbers_are_an_error_that_says_what_takes_them() -> None:
    with pytest.raises(DataError, match=r"needs a class(.*\n)+.*fit, run, evaluate and predict take numbers"):
        _ = numbered_squares(4).labels


def test_fifths_are_by_rank_and_draws_and_folds_are_even_in_them() -> None:
    data = numbered_squares(50)
    fifths = in_fifths(data)
    sides = data.targets()[:, 0]
    assert np.bincount(fifths.labels).tolist() == [10] * 5
    assert all(sides[fifths.labels == c].max() <= sides[fifths.labels == c + 1].min() for c in range(4))
    fifth = {s.id: s.label for s in fifths.samples}
    drawn, rest = draw(data, 3, seed=1)
    assert np.bincount([fifth[i] or 0 for i in drawn.ids]).tolist() == [3] * 5
    assert (drawn.kind, len(rest), set(drawn.ids) & set(rest.ids)) == ("number", 35, set())
    assert set(draw(data, 2, seed=1)[0].ids) < set(drawn.ids), "draws are nested"
    np.testing.assert_array_equal(drawn.targets()[0], data.samples[data.ids.index(drawn.ids[0])].target)
    for _, held_out in folds(data, 5, 0):
        assert np.bincount([fifth[i] or 0 for i in held_out.ids]).tolist() == [2] * 5
    train, held_out = holdout(data, 0.2, 0)
    assert (len(train), len(held_out)) == (40, 10)


def test_too_few_images_for_a_draw_and_equal_numbers_are_refused() -> None:
    with pytest.raises(DataError, match=r"lowest fifth.*fewer than the 3"):
        check(numbered_squares(10), per_class=3)
    with pytest.raises(DataError, match="a number each, so there are no classes"):
        draw_counts(numbered_squares(10), [1, 2], 0)
    images = np.zeros((3, 8, 8), np.uint8)
    with pytest.raises(DataError, match=r"quantity 'number'.*all training images have 4"):
        check(from_arrays(images, numbers=[4, 4, 4]))
    with pytest.raises(DataError, match="no training image has a label"):
        check(from_arrays(images, numbers=[np.nan] * 3))


def test_the_scale_is_that_of_the_known_values() -> None:
    scale = scale_of(from_arrays(np.zeros((3, 8, 8), np.uint8), numbers=[1, 5, np.nan]))
    assert (scale.mean, scale.deviation) == ((3.0,), (2.0,))


def test_rows_that_repeat_each_other_are_read_once_with_a_note_and_those_that_differ_are_refused(folder: Path) -> None:
    with pytest.warns(HandfulWarning, match=r"1 row repeats an earlier one.*a\.png \(lines 2 and 3\)"):
        data = load_data(_table(folder, "path,age", "a.png,31", "a.png,31", "b.png,7"), number="age")
    np.testing.assert_array_equal(data.targets(), [[31], [7]])
    with pytest.raises(DataError, match="listed twice, with different values of age"):
        load_data(_table(folder, "path,age", "a.png,31", "a.png,32", "b.png,7"), number="age")

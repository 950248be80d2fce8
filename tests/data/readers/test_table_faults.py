from pathlib import Path

import pytest

from handful.data.multilabel import LabelFormat
from handful.data.readers.multilabel_table import read_multilabel_table
from handful.data.readers.table import read_table
from handful.data.readers.table_faults import MOST
from handful.errors import DataError, HandfulWarning
from tests.data.noise_images import save_noise_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(8):
        save_noise_image(tmp_path / f"img/{i}.png", i)
    return tmp_path


def table(folder: Path, rows: list[str]) -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join(["path,label", *rows]), encoding="utf-8")
    return path


def refused(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read_table(path)
    return caught.value


def test_missing_images_are_counted_and_the_first_are_named_with_their_lines(folder: Path) -> None:
    error = refused(table(folder, ["img/0.png,cat", *(f"img/gone{i}.png,cat" for i in range(7)), "img/1.png,dog"]))
    assert error.where == folder / "table.csv"
    assert error.what == (
        "7 files that the table names are missing: img/gone0.png (line 3); img/gone1.png (line 4); img/gone2.png "
        "(line 5); img/gone3.png (line 6); img/gone4.png (line 7); and 2 more"
    )
    assert error.remedy == "paths are relative to the table's own folder."


def test_images_that_are_listed_twice_and_differ_are_counted_with_both_lines(folder: Path) -> None:
    rows = [*(f"img/{i}.png,cat" for i in range(6)), "img/0.png,dog", "img/./1.png,dog", "img/2.png,cat"]
    error = refused(table(folder, rows))
    assert error.what == (
        "2 images are listed twice, with different values of label: img/0.png (lines 2 and 8); img/1.png (lines 3 and "
        "9)"
    )
    assert "keep the row that is right of each" in error.remedy


def test_rows_that_agree_are_read_once_with_a_note(folder: Path) -> None:
    rows = [*(f"img/{i}.png,cat" for i in range(3)), "img/0.png,cat ", "img/./1.png,cat"]
    with pytest.warns(HandfulWarning) as notes:
        data = read_table(table(folder, rows))
    assert data.ids == ("img/0.png", "img/1.png", "img/2.png")
    assert str(notes[-1].message) == (
        f"{folder}/table.csv: 2 rows repeat earlier ones in all cells, and each image is read once: img/0.png (lines 2 "
        "and 5); img/1.png (lines 3 and 6)"
    )


def test_rows_that_agree_are_no_error_of_a_row_either(folder: Path) -> None:
    errors: list[str] = []
    with pytest.warns(HandfulWarning, match=r"1 row repeats an earlier one.*img/0\.png \(lines 2 and 3\)"):
        data = read_table(
            table(folder, ["img/0.png,cat", "img/0.png,cat", "img/1.png,cat", "img/1.png,dog"]),
            on_error=lambda name, error: errors.append(f"{name} {error.what}"),
        )
    assert len(data) == 2
    assert errors == ["img/1.png the image img/1.png is listed twice"]


def test_a_single_fault_names_its_row(folder: Path) -> None:
    error = refused(table(folder, ["img/0.png,cat", "img/0.png,dog"]))
    assert error.what == "the image img/0.png is listed twice, with different values of label"
    assert str(error.where).endswith("table.csv, line 3")
    assert "line 2" in error.remedy


def test_missing_images_come_before_those_that_are_listed_twice(folder: Path) -> None:
    assert (
        "no such image: img/gone.png" in refused(table(folder, ["img/0.png,a", "img/0.png,b", "img/gone.png,a"])).what
    )


def test_a_fault_of_another_kind_is_said_unless_rows_before_it_are_missing(folder: Path) -> None:
    other = "http://x.org/a.png,cat"
    assert "is an address" in refused(table(folder, [other, "img/gone.png,cat"])).what
    assert "no such image" in refused(table(folder, ["img/gone.png,cat", other])).what


def test_very_many_faults_end_the_reading(folder: Path) -> None:
    assert refused(table(folder, [f"img/gone{i}.png,cat" for i in range(2 * MOST)])).what.startswith(
        "1,000 or more files"
    )


def test_tables_of_several_labels_count_them_too(folder: Path) -> None:
    path = table(folder, ["img/0.png,cat", "img/gone.png,cat", "img/away.png,dog"])
    with pytest.raises(DataError, match=r"2 files that the table names are missing: img/gone\.png \(line 3\)"):
        read_multilabel_table(path, LabelFormat("list", "|"))


def test_rows_of_several_labels_agree_or_contradict_each_other_in_their_columns(folder: Path) -> None:
    path = folder / "columns.csv"
    path.write_text("path,scratch,dent\nimg/0.png,1,0\nimg/0.png,1,0\nimg/1.png,0,1\n")
    with pytest.warns(HandfulWarning, match="1 row repeats an earlier one"):
        assert len(read_multilabel_table(path, LabelFormat("columns"))) == 2
    path.write_text("path,scratch,dent\nimg/0.png,1,0\nimg/0.png,1,1\n")
    with pytest.raises(DataError, match="with different values of dent"):
        read_multilabel_table(path, LabelFormat("columns"))

"""Class shares of bags from a table."""

from pathlib import Path

import pytest

from handful.data.readers.share_table import read_shares
from handful.errors import DataError


def table(folder: Path, text: str) -> Path:
    path = folder / "shares.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_row_for_each_bag_and_a_column_for_each_class(separator: str, tmp_path: Path) -> None:
    text = "whole,batch, scratched\n0.75,b 1,0.25\n\n,b2,1\n".replace(",", separator)
    expected = {"b 1": {"whole": 0.75, "scratched": 0.25}, "b2": {"whole": 0.0, "scratched": 1.0}}
    assert read_shares(table(tmp_path, text), bag="batch") == expected
    assert read_shares(table(tmp_path, text.replace("batch", "bag")), bag="batch") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no column 'batch'; columns are none"),
        ("btch,whole\nb,1\n", r"no column 'batch'; columns are 'btch', 'whole'(.*\n)+.*did you mean 'btch'"),
        ("batch,whole,whole\nb,1,0\n", "the column 'whole' is there twice"),
        ("batch,whole\nb,1\nb,1\n", "line 3: bag 'b' is listed twice"),
        ("batch,whole,torn\nb,1\n", "the row has 2 cells, the header 3"),
        ("batch,whole,torn\nb,25%,0\n", r"line 2, column 'whole': '25%' is not a share\n.*write 0.25 for 25 %"),
        ("batch,whole,torn\nb,nan,0\n", "'nan' is not a share"),
    ],
)
def test_what_is_no_table_of_shares_is_refused_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_shares(table(tmp_path, text), bag="batch")


def test_a_missing_file_and_one_that_is_not_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_shares(tmp_path / "none.csv")
    path = tmp_path / "latin.csv"
    path.write_bytes("bag,schön\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"cannot be read(.*\n)+.*CSV in UTF-8"):
        read_shares(path)

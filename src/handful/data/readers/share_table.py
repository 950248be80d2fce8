"""Class shares of bags from a table: a row for each bag, a column for each class."""

import csv
import math
from pathlib import Path

from handful.core.parsing import read_text
from handful.data.class_names import nfc
from handful.data.readers.table_rows import SEPARATORS, refuse_binary
from handful.errors import DataError, nearest

BAG = "bag"  # the column of bags, where it has no other name
MAX_BYTES = 2**26


def read_shares(path: Path, *, bag: str = BAG) -> dict[str, dict[str, float]]:
    """The share of each class in each bag; an empty cell is 0.

    Args:
        path: a text file in UTF-8, separated by commas, semicolons, tabs or bars.
        bag: the column that names the bag; a column `bag` where there is none of this name. All others are classes.

    Raises:
        DataError: no such file, no column of bags, a class or a bag twice, a row of another length, or a cell that is
            not a number; names the line.
    """
    refuse_binary(path)
    try:
        lines = read_text(path, most_bytes=MAX_BYTES).splitlines()
    except (OSError, ValueError) as error:
        remedy = "save it as CSV in UTF-8."
        raise DataError(f"the shares cannot be read: {error}", where=path, remedy=remedy) from error
    first = lines[0] if lines else ""
    separator = max(SEPARATORS, key=first.count)
    header, *rows = ([nfc(cell.strip()) for cell in row] for row in csv.reader(lines or [""], delimiter=separator))
    column = _bag_column(header, bag, path)
    classes = [name for i, name in enumerate(header) if i != column]
    twice = next((name for name in classes if classes.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"the column {twice!r} is there twice", where=path, remedy="name each class once.")
    shares: dict[str, dict[str, float]] = {}
    for line, row in enumerate(rows, 2):
        if not any(row):
            continue
        where = f"{path}, line {line}"
        if len(row) != len(header):
            what = f"the row has {len(row)} cells, the header {len(header)}"
            raise DataError(what, where=where, remedy="write a cell for each column, with a point in 0.25.")
        name = row.pop(column)
        if name in shares:
            raise DataError(f"bag {name!r} is listed twice", where=where, remedy="write one row for each bag.")
        cells = zip(classes, row, strict=True)
        shares[name] = {c: _share(text, f"{where}, column {c!r}") for c, text in cells}
    return shares


def _bag_column(header: list[str], bag: str, path: Path) -> int:
    """The position of the column of bags."""
    for name in (bag, BAG):
        if name in header:
            return header.index(name)
    shown = ", ".join(repr(name) for name in header[:10] if name) or "none"
    near = nearest(bag, header, otherwise="it is none of those above.")
    remedy = f"name the bag of each row in a column {bag!r}; {near}"
    raise DataError(f"no column {bag!r}; columns are {shown}", where=path, remedy=remedy)


def _share(text: str, where: str) -> float:
    """A cell as a number."""
    try:
        value = float(text or 0)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{text!r} is not a share", where=where, remedy="write 0.25 for 25 %.")
    return value

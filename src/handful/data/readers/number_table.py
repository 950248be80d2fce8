"""Data sets of numbers per image from tables: a column for each quantity."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from handful.core.dataset import Dataset
from handful.data.numbers import number_dataset, number_of
from handful.data.readers.table import read_rows
from handful.data.readers.table_rows import Row, further_role, refuse_missing_column, stream_rows
from handful.errors import DataError


def read_number_table(
    path: Path,
    quantities: Sequence[str],
    *,
    columns: Mapping[str, str] | None = None,
    classes: Sequence[str] | None = None,
    allow_outside: bool = False,
    on_error: Callable[[str, DataError], None] | None = None,
) -> Dataset:
    """A data set of numbers from a table; all but the numbers is read as `handful.data.readers.table.read_table` does.

    An empty cell, "?" or "nan" is a number that is not known.

    Raises:
        DataError: as `read_table`; no such column, a cell that is not a number, or class names.
    """
    if classes is not None:
        raise DataError("numbers have no classes", where="classes", remedy="leave the class names out.")
    for name in quantities:
        refuse_missing_column(path, name, columns)
    rows = list(stream_rows(path, columns, further=quantities))

    def numbers(row: Row, where: str) -> list[float]:
        return [number_of(row[further_role(name)], f"{where}, {name}") for name in quantities]

    read = read_rows(path, rows, numbers, allow_outside=allow_outside, on_error=on_error)
    values = np.array([row for _, row, _ in read], dtype=np.float32).reshape(len(read), len(quantities))
    return number_dataset([sample for sample, _, _ in read], values, quantities)

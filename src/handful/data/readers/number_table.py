"""Data sets of numbers per image from tables: a column for each quantity."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from handful.core.dataset import Dataset
from handful.data.class_names import nfc
from handful.data.numbers import number_dataset, number_of
from handful.data.readers.table import sample_id, sample_of
from handful.data.readers.table_faults import RowFaults
from handful.data.readers.table_paths import TablePaths, portable
from handful.data.readers.table_rows import further_role, header_of, stream_rows
from handful.errors import DataError, nearest


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
    header, _ = header_of(path, columns)
    names = tuple(nfc(name.strip()) for name in header)
    for name in quantities:
        if name not in names:
            raise DataError(f"no column {name!r}", where=path, remedy=nearest(name, names))
    rows = list(stream_rows(path, columns, further=quantities))
    if not rows:
        raise DataError("the table has no rows", where=path, remedy="list one image per row.")
    paths = TablePaths(path.parent, allow_outside=allow_outside, search_below=True)
    faults, seen = RowFaults(path, on_error), dict[Path, str]()
    samples, values = [], []
    for where, row in rows:
        try:
            numbers = [number_of(row[further_role(name)], f"{where}, {name}") for name in quantities]
            samples.append(sample_of(row, where, paths, seen))
            values.append(numbers)
        except DataError as error:
            faults.add(sample_id(portable(row["path"])), error)
    faults.refuse()
    paths.warn_below(path)
    rows_of_numbers = np.array(values, dtype=np.float32).reshape(len(samples), len(quantities))
    return number_dataset(samples, rows_of_numbers, quantities)

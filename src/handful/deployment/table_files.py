"""Tables of predictions as CSV or Parquet files, written a few rows at a time, whole or not at all."""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handful.core.files import write_atomically

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".csv", ".parquet")
ERROR = "error"  # the column that is added if a row has an error

Columns = dict[
    str, list[str] | list[str | None] | np.ndarray
]  # texts as lists; numbers as arrays, NaN where there is none
Errors = Mapping[int, str]  # why there is no prediction, by the position of the row
WriteRows = Callable[[Columns, Errors], None]


def to_arrow(columns: Columns) -> "pa.Table":
    """The columns as an Arrow table; NaN becomes null."""
    import pyarrow as pa

    kinds = {name: pa.float32() if isinstance(c, np.ndarray) else pa.string() for name, c in columns.items()}
    return pa.table({n: pa.array(c, kinds[n], from_pandas=True) for n, c in columns.items()}, pa.schema(kinds.items()))


def with_gaps(columns: Columns, errors: Errors, n: int) -> Columns:
    """Columns of `n` rows, from columns of the rows without an error; the others are empty."""
    if not errors:
        return columns
    rows = [i for i in range(n) if i not in errors]
    filled: Columns = {}
    for name, column in columns.items():
        if isinstance(column, np.ndarray):
            filled[name] = np.full(n, np.nan, np.float32)
            filled[name][rows] = column  # type: ignore[call-overload]
        else:
            texts: list[str | None] = [None] * n
            for i, text in zip(rows, column, strict=True):
                texts[i] = text
            filled[name] = texts
    return filled


def cells(columns: Columns) -> Iterator[tuple[str | None, ...]]:
    """The rows as texts; None where there is none."""
    yield from zip(
        *(map(_number, c.tolist()) if isinstance(c, np.ndarray) else c for c in columns.values()), strict=True
    )


def _number(value: float) -> str | None:
    """Six digits, never with an exponent: spreadsheets show those as they are."""
    return None if np.isnan(value) else np.format_float_positional(float(f"{value:.6g}"), trim="-")


@contextmanager
def new_table(path: Path) -> Iterator[WriteRows]:
    """A function that appends rows to a new table, which replaces the one at `path` if all goes well.

    If any row has an error, the table gets a column `error` at its end.
    """
    is_csv = path.suffix.lower() == ".csv"
    errors: dict[int, str] = {}
    count = 0
    with write_atomically(path) as draft:
        with (_csv_writer if is_csv else _parquet_writer)(draft) as write_columns:

            def write_rows(columns: Columns, errors_of_rows: Errors) -> None:
                nonlocal count
                write_columns(columns)
                errors.update({count + i: text for i, text in errors_of_rows.items()})
                count += len(next(iter(columns.values())))

            yield write_rows
        if errors:
            with write_atomically(draft) as complete:
                (_add_to_csv if is_csv else _add_to_parquet)(draft, complete, errors)


@contextmanager
def _csv_writer(path: Path) -> Iterator[Callable[[Columns], None]]:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)

        def write_columns(columns: Columns) -> None:
            if file.tell() == 0:
                table.writerow(columns)
            table.writerows(cells(columns))

        yield write_columns


@contextmanager
def _parquet_writer(path: Path) -> Iterator[Callable[[Columns], None]]:
    import pyarrow.parquet as pq

    writer: pq.ParquetWriter | None = None

    def write_columns(columns: Columns) -> None:
        nonlocal writer
        table = to_arrow(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)

    try:
        yield write_columns
    finally:
        if writer is not None:
            writer.close()


def _add_to_csv(source: Path, target: Path, errors: Errors) -> None:
    with source.open(newline="", encoding="utf-8") as old, target.open("w", newline="", encoding="utf-8") as new:
        rows, table = csv.reader(old), csv.writer(new)
        table.writerow([*next(rows), ERROR])
        table.writerows([*row, errors.get(i, "")] for i, row in enumerate(rows))


def _add_to_parquet(source: Path, target: Path, errors: Errors) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(source)
    column = pa.array([errors.get(i) for i in range(table.num_rows)], pa.string())
    pq.write_table(table.append_column(ERROR, column), target)

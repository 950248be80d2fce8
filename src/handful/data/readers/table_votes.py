"""Columns `votes:CLASS` of a table: how many annotators named the class, or its probability."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from handful.data.class_names import nfc
from handful.data.numbers import number_of
from handful.data.readers.table_rows import Row, further_role
from handful.errors import DataError

PREFIX = "votes:"


def vote_columns(path: Path, header: Sequence[str]) -> dict[str, str]:
    """The column of each class that has one, by the name of the class.

    Raises:
        DataError: a column names no class, or two the same.
    """
    columns: dict[str, str] = {}
    for column in (name.strip() for name in header):
        if not column.casefold().startswith(PREFIX):
            continue
        name = nfc(column[len(PREFIX) :].strip())
        if not name or name in columns:
            what = "no class" if not name else f"the class {name!r}, as an earlier one does"
            remedy = f"name each class once, as {PREFIX}CLASS."
            raise DataError(f"the column {column!r} names {what}", where=path, remedy=remedy)
        columns[name] = column
    return columns


class Votes:
    """The votes in the rows of a table.

    Args:
        path: of the table.
        columns: as `vote_columns` gives them.
        rows: each with where it is.

    Raises:
        DataError: a cell is not a number; or there are columns of votes and no vote.
    """

    def __init__(self, path: Path, columns: Mapping[str, str], rows: Sequence[tuple[str, Row]]) -> None:
        self.names: tuple[str, ...] = ()
        if not columns or not rows:
            return
        self._rows = {
            where: np.nan_to_num([number_of(row[further_role(c)], f"{where}, {c}") for c in columns.values()])
            for where, row in rows
        }
        self._used = np.flatnonzero(np.sum([*self._rows.values()], axis=0))
        self.names = tuple(np.array([*columns], dtype=object)[self._used])
        if not self.names:
            remedy = "write how many annotators named the class, or its probability, or leave these columns out."
            raise DataError("there is no vote in the columns votes:CLASS", where=path, remedy=remedy)

    def row(self, where: str) -> Float[np.ndarray, " v"]:
        """The votes of a row, of each of the `names`."""
        return np.asarray(self._rows[where][self._used], dtype=np.float64)

"""Faults of a table's rows: those that come in numbers are counted and named in one error."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from handful.core.file_names import printable
from handful.core.text import listed
from handful.data.readers.table_rows import role_name
from handful.errors import DataError, HandfulWarning

NAMED = 5  # rows of a kind that an error names
MOST = 1000  # faults after which no further row is read


class MissingFileError(DataError):
    """An image or mask that a row names and that is not there."""


class ListedTwiceError(DataError):
    """An image that an earlier row has listed; `first` is where."""

    first = ""


class RowFaults:
    """The faults of one table's rows. Rows that agree with an earlier one in all cells are no fault, but are noted.

    Args:
        path: the table.
        on_error: called with the id and the error of each row that cannot be used; None: `refuse` raises.
        rows: the cells of each row, by where it is; None: rows of one image contradict each other.
    """

    def __init__(
        self,
        path: Path,
        on_error: Callable[[str, DataError], None] | None,
        rows: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.path, self.on_error, self.rows = path, on_error, rows or {}
        self._faults: list[tuple[str, DataError]] = []
        self._repeats: list[tuple[str, DataError]] = []

    def add(self, name: str, error: DataError) -> None:
        """Record the fault of the row that names an image.

        Raises:
            DataError: the fault is of another kind than those that are counted, or there are very many.
        """
        if isinstance(error, ListedTwiceError) and self.rows and not self._differing(error):
            self._repeats.append((name, error))
            return
        if self.on_error is not None:
            self.on_error(name, error)
            return
        if not isinstance(error, MissingFileError | ListedTwiceError):
            self.refuse()
            raise error
        self._faults.append((name, error))
        if len(self._faults) >= MOST:
            self.refuse()

    def refuse(self) -> None:
        """Refuse the table if a fault was recorded.

        Raises:
            DataError: the fault; or all of a kind, the first named with their rows.
        """
        kinds = (MissingFileError, ListedTwiceError)
        first, second = ([fault for fault in self._faults if isinstance(fault[1], kind)] for kind in kinds)
        several = first or second
        if len(several) == 1:
            error = several[0][1]
            what = f"{error.what}{self._contradictions(several)}"
            raise type(error)(what, where=error.where, remedy=error.remedy)
        if first:
            what = f"{self._count(len(first))} files that the table names are missing: {self._named(first)}"
            raise MissingFileError(what, where=self.path, remedy=first[0][1].remedy)
        if second:
            what = f"{self._count(len(second))} images are listed twice{self._contradictions(second)}"
            what += f": {self._named(second)}"
            raise ListedTwiceError(what, where=self.path, remedy="keep the row that is right of each.")

    def warn_repeats(self) -> None:
        """Note the rows that agree with an earlier one."""
        if self._repeats:
            number = len(self._repeats)
            rows = "1 row repeats an earlier one" if number == 1 else f"{number:,} rows repeat earlier ones"
            text = f"{self.path}: {rows} in all cells, and each image is read once: {self._named(self._repeats)}"
            warnings.warn(text, HandfulWarning, stacklevel=3)

    def _count(self, number: int) -> str:
        return f"{number:,}" + (" or more" if len(self._faults) >= MOST else "")

    def _named(self, faults: list[tuple[str, DataError]]) -> str:
        return listed([f"{printable(name)} ({self._rows(error)})" for name, error in faults], NAMED, separator="; ")

    def _rows(self, error: DataError) -> str:
        """Where the fault is: "line 3", or "lines 3 and 137" for an image that is listed twice."""
        here = self._row(str(error.where))
        if not isinstance(error, ListedTwiceError):
            return here
        word, _, number = here.partition(" ")
        return f"{word}s {self._row(error.first).partition(' ')[2]} and {number}"

    def _row(self, where: str) -> str:
        return where.removeprefix(f"{self.path}, ")

    def _contradictions(self, faults: list[tuple[str, DataError]]) -> str:
        """The columns in which rows of one image differ; empty where that is not known."""
        roles = sorted({r for _, e in faults if isinstance(e, ListedTwiceError) for r in self._differing(e)})
        return f", with different values of {', '.join(map(role_name, roles))}" if roles else ""

    def _differing(self, error: ListedTwiceError) -> list[str]:
        """The roles whose cells differ between a row and the earlier one of its image, but for the path's spelling."""
        first, second = (self.rows.get(where, {}) for where in (error.first, str(error.where)))
        return [role for role in second if role != "path" and second[role].strip() != first.get(role, "").strip()]

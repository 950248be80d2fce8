"""Faults of a table's rows: those that come in numbers are counted and named in one error."""

from collections.abc import Callable, Mapping
from pathlib import Path

from handful.core.file_names import printable
from handful.errors import DataError

NAMED = 5  # rows of a kind that an error names
MOST = 1000  # faults after which no further row is read


class MissingFileError(DataError):
    """An image or mask that a row names and that is not there."""


class ListedTwiceError(DataError):
    """An image that an earlier row has listed; `first` is where."""

    first = ""


class RowFaults:
    """The faults of one table's rows.

    Args:
        path: the table.
        on_error: called with the id and the error of each row that cannot be used; None: `refuse` raises.
    """

    def __init__(self, path: Path, on_error: Callable[[str, DataError], None] | None) -> None:
        self.path, self.on_error = path, on_error
        self._faults: list[tuple[str, DataError]] = []

    def add(self, name: str, error: DataError) -> None:
        """Record the fault of the row that names an image.

        Raises:
            DataError: the fault is of another kind than those that are counted, or there are very many.
        """
        if self.on_error is not None:
            self.on_error(name, error)
            return
        if not isinstance(error, MissingFileError | ListedTwiceError):
            self.refuse()
            raise error
        self._faults.append((name, error))
        if len(self._faults) >= MOST:
            self.refuse()

    def refuse(self, labels: Mapping[str, str] | None = None) -> None:
        """Refuse the table if a fault was recorded.

        Args:
            labels: the label of each row, by where it is; tells copies that contradict each other.

        Raises:
            DataError: the fault; or all of a kind, the first named with their rows.
        """
        kinds = (MissingFileError, ListedTwiceError)
        first, second = ([fault for fault in self._faults if isinstance(fault[1], kind)] for kind in kinds)
        several = first or second
        if len(several) == 1:
            raise several[0][1]
        if first:
            what = f"{self._count(len(first))} files that the table names are missing: {self._named(first)}"
            raise MissingFileError(what, where=self.path, remedy=first[0][1].remedy)
        if second:
            what = f"{self._count(len(second))} images are listed twice{self._contradictions(second, labels or {})}"
            remedy = "keep one row of each; a spreadsheet removes rows that agree in all cells (Remove Duplicates)."
            raise ListedTwiceError(f"{what}: {self._named(second)}", where=self.path, remedy=remedy)

    def _count(self, number: int) -> str:
        return f"{number:,}" + (" or more" if len(self._faults) >= MOST else "")

    def _named(self, faults: list[tuple[str, DataError]]) -> str:
        shown = ", ".join(f"{printable(name)} ({self._rows(error)})" for name, error in faults[:NAMED])
        return shown + (f"; and {len(faults) - NAMED:,} more" if len(faults) > NAMED else "")

    def _rows(self, error: DataError) -> str:
        """Where the fault is: "line 3", or "lines 3 and 137" for an image that is listed twice."""
        here = self._row(str(error.where))
        if not isinstance(error, ListedTwiceError):
            return here
        word, _, number = here.partition(" ")
        return f"{word}s {self._row(error.first).partition(' ')[2]} and {number}"

    def _row(self, where: str) -> str:
        return where.removeprefix(f"{self.path}, ")

    def _contradictions(self, faults: list[tuple[str, DataError]], labels: Mapping[str, str]) -> str:
        pairs = [(labels.get(e.first), labels.get(str(e.where))) for _, e in faults if isinstance(e, ListedTwiceError)]
        number = sum(a != b for a, b in pairs)
        return f", {number:,} of them with different labels" if number else ""

"""The command-line options of all tables, and the list of tables."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from handful.errors import DataError, RecipeError, nearest

ENVIRONMENT = "HANDFUL_DATA"


@dataclass(frozen=True)
class Options:
    """The command line. `quick` asks for a fraction of the work: a check that a table runs, not a number to quote."""

    data: Path | None = None
    jobs: int = 2
    draws: int = 5
    quick: bool = False

    def folder(self) -> Path:
        """Where the real data sets are.

        Raises:
            DataError: no folder was named, or it does not exist.
        """
        remedy = f"pass --data FOLDER or set {ENVIRONMENT}; bench/README.md says what it must hold."
        if self.data is None:
            raise DataError("this table needs real data and no folder was named", remedy=remedy)
        if not self.data.is_dir():
            raise DataError("there is no such folder", where=self.data, remedy=remedy)
        return self.data


def tables() -> tuple[str, ...]:
    """Names of the tables: the files of `bench/tables`, and with "speed-" before them those of `bench/speed`."""
    return tuple(sorted(_modules()))


def run_table(name: str, options: Options) -> None:
    """Run one table.

    Raises:
        RecipeError: there is no such table; names the nearest.
    """
    if name not in tables():
        raise RecipeError(f"unknown table {name!r}", where="bench", remedy=nearest(name, tables()))
    import_module(_modules()[name]).run(options)


def _modules() -> dict[str, str]:
    """The module of each table, by the table's name."""
    found = {}
    for folder, prefix in (("tables", ""), ("speed", "speed-")):
        for file in (Path(__file__).parents[1] / folder).glob("[!_]*.py"):
            found[prefix + file.stem.replace("_", "-")] = f"bench.{folder}.{file.stem}"
    return found

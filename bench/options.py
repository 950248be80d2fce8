"""What every table is told, and which tables there are."""

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
    """Names of the tables: the files of this folder that define `run`, with dashes."""
    here = Path(__file__).parent
    files = (f for f in here.glob("*.py") if "\ndef run(options: Options) -> None:" in f.read_text(encoding="utf-8"))
    return tuple(sorted(f.stem.replace("_", "-") for f in files))


def run_table(name: str, options: Options) -> None:
    """Run one table.

    Raises:
        RecipeError: there is no such table; names the nearest.
    """
    if name not in tables():
        raise RecipeError(f"unknown table {name!r}", where="bench", remedy=nearest(name, tables()))
    import_module(f"bench.{name.replace('-', '_')}").run(options)

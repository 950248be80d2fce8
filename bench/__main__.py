"""`python -m bench TABLE [--data FOLDER] [--jobs N] [--draws N] [--quick]`."""

import argparse
import os
import sys
from pathlib import Path

from bench.support.options import ENVIRONMENT, Options, run_table, tables
from handful.errors import HandfulError


def main(arguments: list[str] | None = None) -> int:
    """Run a table; 0 when it is done, 2 after an error of the user's."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Repeatable measurements of handful.")
    parser.add_argument("table", metavar="TABLE", nargs="?", help=", ".join(tables()))
    parser.add_argument("--data", type=Path, help=f"folder of the real data sets (or ${ENVIRONMENT})")
    parser.add_argument("--jobs", type=int, default=2, help="training runs side by side (default: 2)")
    parser.add_argument("--draws", type=int, default=5, help="draws of the training images (default: 5)")
    parser.add_argument("--quick", action="store_true", help="a fraction of the work, to see that the table runs")
    given = parser.parse_args(arguments)
    if given.table is None:
        print("\n".join(tables()))
        return 0
    data = given.data or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    try:
        run_table(given.table, Options(data, given.jobs, given.draws, given.quick))
    except HandfulError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

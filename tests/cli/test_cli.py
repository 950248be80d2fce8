import subprocess
import sys

from tests.support.command_line import ok

HELP = """
import sys
import handful
from handful.cli import main
sys.argv = ["handful", "--help"]
try:
    main()
except SystemExit as stop:
    assert stop.code == 0
heavy = {"torch", "numpy", "pandas", "sklearn", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
"""


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_fits_sixty_columns() -> None:
    commands = [line.split()[0] for line in ok("--help").split("Commands:")[1].splitlines() if line.strip()]
    assert commands == [
        "demo",
        "recipes",
        "fit",
        "evaluate",
        "sweep",
        "compare",
        "propagate",
        "annotate",
        "predict",
        "explain",
        "ensemble",
        "distil",
        "export",
        "serve",
        "hierarchy",
        "inspect",
        "labels",
        "card",
        "cost",
    ]
    for command in commands:
        text = ok(command, "--help")
        assert "--json" in text
        assert max(len(line) for line in text.splitlines()) <= 60


def test_version_and_module() -> None:
    assert ok("--version").startswith("handful 0.")
    command = [sys.executable, "-m", "handful", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ok("--version")

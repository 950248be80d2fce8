import re
import shlex
import subprocess
import sys

import pytest
from typer.main import get_command

from handful.cli import app
from tests.support.command_line import ok

COMMANDS = get_command(app).commands  # type: ignore[attr-defined]

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


def test_help_lists_each_command_once_by_purpose() -> None:
    lines = ok("--help").split("Options:")[1].splitlines()
    purposes = [line.removesuffix(":") for line in lines if line and not line.startswith(" ")]
    assert purposes == ["First steps", "Compare and measure", "Masks and annotation", "Deploy", "Details"]
    listed = [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith(("  --", "   "))]
    assert listed == list(COMMANDS)
    assert all(name in ok("--help").split("Options:")[0] for name in ("inspect", "predict"))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_sixty_columns(command: str) -> None:
    text = ok(command, "--help")
    assert "--json" in text
    assert max(len(line) for line in text.splitlines()) <= 60
    assert not [line for line in text.splitlines() if re.search(r"\w-$", line)], "a word is broken at its hyphen"
    assert text.isascii()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_an_example_whose_options_exist(command: str) -> None:
    title, blank, example = ok(command, "--help").splitlines()[-3:]
    assert (title.strip(), blank) == ("Example:", "")
    program, name, *arguments = shlex.split(example)
    assert (program, name) == ("handful", command)
    context = get_command(app).make_context("handful", [name, *arguments])
    found = COMMANDS[name].make_context(name, arguments, parent=context)  # refuses an unknown option or a bad value
    assert not found.args


def test_version_and_module() -> None:
    assert ok("--version").startswith("handful 0.")
    command = [sys.executable, "-m", "handful", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ok("--version")

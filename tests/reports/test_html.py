"""What a page says of how it was made."""

import sys

import pytest

from handful.reports.html import typed_command


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("/usr/bin/handful", "handful compare 'my data'"),
        ("/lib/site-packages/handful/__main__.py", "handful compare 'my data'"),
        ("/home/me/tables/__main__.py", "python -m tables compare 'my data'"),
        ("/home/me/notebook.py", ""),
        ("", ""),
    ],
)
def test_the_command_is_what_was_typed(monkeypatch: pytest.MonkeyPatch, program: str, command: str) -> None:
    monkeypatch.setattr(sys, "argv", [program, "compare", "my data"])
    assert typed_command() == command

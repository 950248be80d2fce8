"""The command reference as Markdown, from the command line itself."""

import re
from typing import Any

from typer.main import get_command

from handful.cli import app

COMMON = ("`--debug`", "`--help`")  # of every command


def reference() -> str:
    """The page: all commands by purpose, each with its arguments, options, defaults and example."""
    group: Any = get_command(app)
    context = group.context_class(group, info_name="handful")
    lines = ["# Commands", "", *_paragraphs(group.help)]
    lines += ["Every command takes `--json`, and `--debug` for a traceback.", ""]
    shown = {name: group.commands[name] for name in group.list_commands(context) if not group.commands[name].hidden}
    for purpose in dict.fromkeys(str(command.rich_help_panel) for command in shown.values()):
        lines += [f"## {purpose}", ""]
        for name, command in shown.items():
            if command.rich_help_panel == purpose:
                lines += _command(name, command, command.context_class(command, info_name=name, parent=context))
    return "\n".join(lines)


def _command(name: str, command: Any, context: Any) -> list[str]:
    lines = [f"### `handful {name}`", "", *_paragraphs(command.help)]
    example = re.search(r"^ +(handful .*)$", command.epilog or "", flags=re.MULTILINE)
    if example:
        lines += ["```sh", example.group(1), "```", ""]
    rows = [row for parameter in command.params if (row := _row(parameter, context)) is not None]
    rows = [row for row in rows if row[0] not in COMMON]
    if rows:
        lines += ["| | what | default |", "|---|---|---|"]
        lines += [f"| {' | '.join(_cell(text) for text in row)} |" for row in rows]
    return [*lines, ""]


def _row(parameter: Any, context: Any) -> tuple[str, str, str] | None:
    record = parameter.get_help_record(context)
    if record is None or getattr(parameter, "hidden", False):
        return None
    names, text = record
    default = ""
    found = re.search(r"\s*\[([^\[\]]*)\]$", text)  # [default: 0; x>=0], [required]
    if found:
        text = text[: found.start()]
        notes = [note.strip() for note in found.group(1).split(";")]
        default = ", ".join(note.removeprefix("default: ") for note in notes)
    return f"`{names.strip().removesuffix(' <str>')}`", text, default


def _cell(text: str) -> str:
    """Text of a table's cell: no bars, no tags."""
    if text.startswith("`"):
        return text.replace("|", "\\|")
    return text.replace("|", "\\|").replace("<", "&lt;")


def _paragraphs(text: str | None) -> list[str]:
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", (text or "").strip()):
        lines += [" ".join(paragraph.split()).replace("<", "&lt;"), ""]
    return lines

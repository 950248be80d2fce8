"""The text of `handful --help`: commands by purpose, and an example that ends the help of each."""

from collections.abc import Callable
from typing import Any

import typer

from handful.cli._data_options import flatten
from handful.cli._errors import ErrorHandlingGroup

HYPHEN = "\N{NON-BREAKING HYPHEN}"  # stands for a hyphen while lines are broken
Commands = dict[str, dict[Callable[..., None], str]]  # purpose: its commands, each with an example


class GroupedCommands(ErrorHandlingGroup):
    """Command group whose help lists the commands by purpose, as plain text of the terminal's width.

    Its help and that of its commands break lines at spaces only, not at hyphens.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        context: Any = self.context_class
        breaking_at_spaces = type("Context", (context,), {"formatter_class": _whole_words(context.formatter_class)})
        for command in (self, *self.commands.values()):
            command.context_class = breaking_at_spaces

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a list of commands for each purpose, in the order of their registration."""
        shown = {name: self.commands[name] for name in self.list_commands(ctx) if not self.commands[name].hidden}
        column = max(map(len, shown), default=0)
        for purpose in dict.fromkeys(str(getattr(command, "rich_help_panel", "")) for command in shown.values()):
            rows = [
                (name.ljust(column), command.get_short_help_str(formatter.width - 6 - column))
                for name, command in shown.items()
                if str(getattr(command, "rich_help_panel", "")) == purpose
            ]
            with formatter.section(purpose):
                formatter.write_dl(rows)


def _whole_words(formatter: type[Any]) -> type[Any]:
    """A formatter of help, of whatever library, that does not break words at hyphens."""

    class WholeWords(formatter):  # type: ignore[misc]  # known when it runs
        def write_dl(self, rows: Any, *arguments: Any, **options: Any) -> None:
            super().write_dl([(name, text.replace("-", HYPHEN)) for name, text in rows], *arguments, **options)

        def write_text(self, text: str) -> None:
            super().write_text(text.replace("-", HYPHEN))

        def getvalue(self) -> str:
            return str(super().getvalue()).replace(HYPHEN, "-")

    return WholeWords


def register(app: typer.Typer, commands: Commands) -> None:
    """Add commands to an application, each below its purpose and with its example at the end of its help."""
    for purpose, examples in commands.items():
        for command, example in examples.items():
            app.command(rich_help_panel=purpose, epilog=f"Example:\n\n    {example}")(flatten(command))

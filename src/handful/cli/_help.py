"""The text of `handful --help`: commands by purpose, and an example that ends the help of each."""

from collections.abc import Callable
from typing import Any

import typer

from handful.cli._errors import ErrorHandlingGroup

Commands = dict[str, dict[Callable[..., None], str]]  # purpose: its commands, each with an example


class GroupedCommands(ErrorHandlingGroup):
    """Command group whose help lists the commands by purpose, as plain text of the terminal's width."""

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


def register(app: typer.Typer, commands: Commands) -> None:
    """Add commands to an application, each below its purpose and with its example at the end of its help."""
    for purpose, examples in commands.items():
        for command, example in examples.items():
            app.command(rich_help_panel=purpose, epilog=f"Example:\n\n    {example}")(command)

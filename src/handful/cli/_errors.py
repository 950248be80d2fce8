"""Error handling of all commands: a paragraph on standard error and an exit code instead of a traceback."""

import warnings
from typing import Any, TextIO

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from handful.errors import HandfulError, HandfulWarning, ProtocolError, command_line
from handful.training.launcher import rank_and_world_size

USER_ERROR = 2  # exit codes
STOPPED = 130


def print_message(label: str, text: str, *, style: str) -> None:
    """Print a labelled paragraph on standard error, wrapped if that is a terminal. Only rank 0 prints."""
    if rank_and_world_size()[0] > 0:
        return
    console = Console(stderr=True)
    paragraph = Text(f"{label}: ", style=f"bold {style}").append(text, style=style)
    console.print(paragraph, soft_wrap=not console.is_terminal, highlight=False)


def refuse_processes(command: str) -> None:
    """Refuse several processes: they can share one training, and would repeat everything else.

    Raises:
        ProtocolError: a launcher started more than one, and the command is not `fit`.
    """
    world_size = rank_and_world_size()[1]
    if world_size > 1 and command != "fit":
        raise ProtocolError(
            f"{world_size} processes were launched, and only `handful fit` is distributed",
            where=f"handful {command}",
            remedy="launch one process; --jobs uses several cores.",
        )


class ErrorHandlingGroup(TyperGroup):
    """Command group that turns errors of handful into exit code 2, Ctrl-C into 130 and warnings into notes."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with command_line(), warnings.catch_warnings():
            plain = warnings.showwarning
            warnings.simplefilter("always", HandfulWarning)

            def show(
                message: Warning | str,
                category: type[Warning],
                filename: str,
                lineno: int,
                file: TextIO | None = None,
                line: str | None = None,
            ) -> None:
                if issubclass(category, HandfulWarning):
                    print_message("Note", str(message), style="yellow")
                else:
                    plain(message, category, filename, lineno, file, line)

            warnings.showwarning = show
            try:
                return super().invoke(ctx)
            except HandfulError as error:
                print_message("Error", str(error), style="red")
            except BrokenPipeError:
                raise
            except OSError as error:
                if error.filename is None and error.strerror is None:
                    raise
                where = f"{error.filename}: " if error.filename is not None else ""
                print_message(
                    "Error",
                    f"{where}{error.strerror}\n  Remedy: check the path, its permissions and the disk space.",
                    style="red",
                )
            except KeyboardInterrupt as stop:
                print_message("Stopped", str(stop) or self._after_stop(ctx), style="yellow")
                raise typer.Exit(STOPPED) from None
        raise typer.Exit(USER_ERROR)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Look the command up, and refuse several processes if it is not distributed."""
        command = super().resolve_command(ctx, args)
        refuse_processes(command[0] or "")
        return command

    def _after_stop(self, ctx: Any) -> str:
        command = self.commands.get(ctx.invoked_subcommand or "")
        options = {p.name for p in command.params} if command is not None else set()
        if "resume" in options:
            return "continue with the same command and --resume."
        if "log" in options:
            return "finished runs are in the log (with --log): the same command continues from there."
        if "trials" in options:
            return "the same command continues where it stopped."
        return "the same command starts over."

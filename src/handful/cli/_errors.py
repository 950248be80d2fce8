"""What the user sees when something stops a command: one paragraph and an exit code, never a traceback."""

import warnings
from typing import Any, TextIO

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from handful.errors import HandfulError, HandfulWarning, ProtocolError
from handful.training.launcher import rank_and_world_size

USER_ERROR = 2
STOPPED = 130


def say(label: str, text: str, *, style: str) -> None:
    """A labelled paragraph on standard error; wrapped only where a terminal shows it. One process of several speaks."""
    if rank_and_world_size()[0] > 0:
        return
    console = Console(stderr=True)
    paragraph = Text(f"{label}: ", style=f"bold {style}").append(text, style=style)
    console.print(paragraph, soft_wrap=not console.is_terminal, highlight=False)


def refuse_processes(command: str) -> None:
    """Several processes may share one training; anything else they would do several times over.

    Raises:
        ProtocolError: a launcher started more than one, and the command is not `fit`.
    """
    world_size = rank_and_world_size()[1]
    if world_size > 1 and command != "fit":
        raise ProtocolError(
            f"{world_size} processes were started together, and only `handful fit` shares its work among them",
            where=f"handful {command}",
            remedy="start it once; --jobs uses the cores.",
        )


class Guarded(TyperGroup):
    """The group of all commands. Errors of ours end with code 2, Ctrl-C with 130."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        with warnings.catch_warnings():
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
                    say("Note", str(message), style="yellow")
                else:
                    plain(message, category, filename, lineno, file, line)

            warnings.showwarning = show
            try:
                return super().invoke(ctx)
            except HandfulError as error:
                say("Error", str(error), style="red")
            except BrokenPipeError:
                raise
            except OSError as error:
                if error.filename is None and error.strerror is None:
                    raise
                where = f"{error.filename}: " if error.filename is not None else ""
                say(
                    "Error",
                    f"{where}{error.strerror}\n  Remedy: check the path, its permissions and the space left.",
                    style="red",
                )
            except KeyboardInterrupt as stop:
                say("Stopped", str(stop) or self._after_stop(ctx), style="yellow")
                raise typer.Exit(STOPPED) from None
        raise typer.Exit(USER_ERROR)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that was named, refused where processes cannot share it."""
        found = super().resolve_command(ctx, args)
        refuse_processes(found[0] or "")
        return found

    def _after_stop(self, ctx: Any) -> str:
        command = self.commands.get(ctx.invoked_subcommand or "")
        options = {p.name for p in command.params} if command is not None else set()
        if "resume" in options:
            return "continue with the same command and --resume."
        if "log" in options:
            return "runs that ended are in the log, if you named one; the same command goes on from there."
        if "trials" in options:
            return "the same command goes on where it stopped."
        return "the same command starts over."

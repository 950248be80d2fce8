"""Error handling of all commands: a paragraph on standard error and an exit code instead of a traceback."""

import os
import sys
import traceback
import warnings
from contextlib import suppress
from copy import copy
from typing import Any, TextIO

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from handful.cli._library_errors import explain, last_line
from handful.cli._output import width
from handful.cli._stop import CLOSED, StopSignal
from handful.core.text import fill
from handful.errors import HandfulWarning, ProtocolError, command_line, name_options, offers
from handful.training.launcher import check_launcher, rank_and_world_size

USER_ERROR = 2  # exit codes
FAULT = 70  # a fault of handful's own
STOPPED = 130
DEBUG = "handful.debug"  # key in the context of a command
CHECKED = ((": Value error, ", ": "), (": Input should ", ": it should "))  # words of a library that checks values


def print_message(label: str, text: str, *, style: str) -> None:
    """Print a labelled paragraph on standard error, wrapped at the width of text. Only rank 0 prints."""
    if rank_and_world_size()[0] > 0:
        return
    lines = Text(fill(f"{label}: {text}", width()), style=style)
    lines.stylize("bold", 0, len(label) + 1)
    Console(stderr=True).print(lines, soft_wrap=True, highlight=False)


def refuse_processes(command: str) -> None:
    """Refuse several processes: they can share one training, and would repeat everything else.

    Raises:
        ProtocolError: a launcher started more than one, and the command is not `fit`; or its variables are not valid.
    """
    check_launcher()
    world_size = rank_and_world_size()[1]
    if world_size > 1 and command != "fit":
        raise ProtocolError(
            f"{world_size} processes were launched, and only `handful fit` is distributed",
            where=f"handful {command}",
            remedy="launch one process" + ("; --jobs uses several cores." if offers("jobs") else "."),
        )


class ErrorHandlingGroup(TyperGroup):
    """Command group that ends every error with a paragraph on standard error and an exit code.

    Errors that a user can cause end with 2, whoever raises them; Ctrl-C with 130, whatever exception it becomes; faults
    of handful with 70. Warnings become notes.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for command in self.commands.values():  # --debug may come before the command and after it
            for option in (copy(p) for p in self.params if p.name == "debug"):
                option.expose_value = False
                command.params.append(option)

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command line; what the output's encoding lacks is written as an escape."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        return super().main(*arguments, **options)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Note whether the traceback of an error is to be shown."""
        ctx.meta[DEBUG] = "--debug" in args
        rest: list[str] = super().parse_args(ctx, args)
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with command_line(), warnings.catch_warnings(), StopSignal() as stop_signal:
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
                result = super().invoke(ctx)
                sys.stdout.flush()
            except KeyboardInterrupt as stop:
                stop_signal.ignore_further()
                print_message("Stopped", str(stop) or self._after_stop(ctx), style="yellow")
                code = STOPPED
            except Exception as error:
                if hasattr(error, "format_message"):  # a usage error of the command-line library
                    code = self._report_usage(error)
                elif hasattr(error, "exit_code") or isinstance(error, typer.Abort):  # it ends the command
                    raise
                elif stop_signal.received:  # a library has made another exception of it
                    stop_signal.ignore_further()
                    code = self._report_stop(error, ctx)
                else:
                    code = self._report(error, ctx)
            else:
                return result
        raise typer.Exit(code)

    def _report_stop(self, error: Exception, ctx: Any) -> int:
        """Print that the command was stopped, and the traceback if it is asked for; returns the exit code."""
        if ctx.meta[DEBUG]:
            traceback.print_exception(error)
        print_message("Stopped", self._after_stop(ctx), style="yellow")
        return STOPPED

    def _report(self, error: Exception, ctx: Any) -> int:
        """Print what is wrong, and the traceback if it is asked for; returns the exit code."""
        if isinstance(error, BrokenPipeError):
            _discard_output()
            return CLOSED
        if ctx.meta[DEBUG]:
            traceback.print_exception(error)
        command = self.commands.get(ctx.invoked_subcommand or "")
        known = explain(error, {str(p.name) for p in command.params} if command is not None else ())
        if known is not None:
            print_message("Error", str(known), style="red")
            return USER_ERROR
        from handful._version import __version__

        where = f"handful {__version__}, {ctx.invoked_subcommand}"
        text = f"{where}: {last_line(error)}\n  This is a fault of handful. "
        text += (
            "Please report it with the traceback above."
            if ctx.meta[DEBUG]
            else "Please report it; the same command with --debug shows the traceback."
        )
        print_message("Error", text, style="red")
        return FAULT

    def _report_usage(self, error: Any) -> int:
        """Print how the command is used and what is wrong with its options; returns the exit code."""
        ctx = getattr(error, "ctx", None)
        if ctx is not None:
            print(f"{ctx.get_usage()}\nTry '{ctx.command_path} --help' for help.\n", file=sys.stderr)
        text = str(error.format_message())
        for before, after in CHECKED:
            text = text.replace(before, after)
        print_message("Error", text, style="red")
        return int(error.exit_code)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Look the command up, and refuse several processes if it is not distributed."""
        resolved = super().resolve_command(ctx, args)
        name, command, _ = resolved
        if command is not None:
            name_options(flag for p in command.params for flag in (*p.opts, *p.secondary_opts))
        refuse_processes(name or "")
        return resolved

    def _after_stop(self, ctx: Any) -> str:
        command = self.commands.get(ctx.invoked_subcommand or "")
        options = {p.name for p in command.params} if command is not None else set()
        if "resume" in options:
            return "continue with the same command and --resume."
        if "log" in options:
            return "finished runs are in the log (with --log): the same command continues from there."
        if "trials" in options or ctx.invoked_subcommand in ("run", "demo"):
            return "the same command continues where it stopped."
        return "the same command starts over."


def _discard_output() -> None:
    """Send what is still to be written to nowhere: the reader of standard output has gone."""
    with suppress(OSError, ValueError):  # a stream without a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

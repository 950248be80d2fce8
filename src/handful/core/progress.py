"""Progress bars on standard error, shown only in a terminal: over optimizer steps, and over training runs."""

from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

B = TypeVar("B", bound="_TransientBar")


class _TransientBar:
    """A bar with one task, to be used as a context; it is removed when the context ends."""

    def __init__(self, *columns: ProgressColumn, name: str, total: int | None, shown: bool) -> None:
        console = Console(stderr=True)
        self._bar = Bar(*columns, console=console, transient=True, disable=not (shown and console.is_terminal))
        self._task = self._bar.add_task(name, total=total, loss="-")

    def __enter__(self: B) -> B:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()


class Progress(_TransientBar):
    """A bar over optimizer steps, or over images (then `loss` is false), to be used as a context."""

    def __init__(self, total: int | None, name: str, *, shown: bool, loss: bool = True) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}" if loss else "images"),
            TimeRemainingColumn(),
            name=name,
            total=total,
            shown=shown,
        )

    def go_on(self, total: int, done: int) -> None:
        """Set the number of steps, and how many of them were done before."""
        self._bar.update(self._task, total=total, completed=done)

    def advance(self, loss: float, steps: int = 1) -> None:
        """Add finished steps and show the newest loss."""
        self._bar.update(self._task, advance=steps, loss=f"{loss:.3f}")


class RunsBar(_TransientBar):
    """A bar over training runs, to be used as a context."""

    def __init__(self, total: int, text: str, *, shown: bool) -> None:
        super().__init__(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("runs"),
            TimeElapsedColumn(),
            name=text,
            total=total,
            shown=shown,
        )

    def describe(self, text: str) -> None:
        """Show what is running."""
        self._bar.update(self._task, description=text)

    def advance(self, runs: int = 1) -> None:
        """Add finished runs."""
        self._bar.advance(self._task, runs)

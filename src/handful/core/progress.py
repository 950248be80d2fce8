"""Progress bars on standard error, shown only in a terminal: over optimizer steps, and over training runs."""

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar


class Progress:
    """A bar over optimizer steps, or over what else is counted (then `loss` is false), to be used as a context."""

    def __init__(self, total: int | None, name: str, *, shown: bool, loss: bool = True) -> None:
        console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}" if loss else "images"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not (shown and console.is_terminal),
        )
        self._task = self._bar.add_task(name, total=total, loss="-")

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def go_on(self, total: int, done: int) -> None:
        """Say how much there is, and how much of it was done before."""
        self._bar.update(self._task, total=total, completed=done)

    def advance(self, loss: float, steps: int = 1) -> None:
        """Note finished steps and the newest loss."""
        self._bar.update(self._task, advance=steps, loss=f"{loss:.3f}")


class RunsBar:
    """A bar over training runs, to be used as a context."""

    def __init__(self, total: int, text: str, *, shown: bool) -> None:
        console = Console(stderr=True)
        self._bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("runs"),
            TimeElapsedColumn(),
            console=console,
            disable=not (shown and console.is_terminal),
            transient=True,
        )
        self._task = self._bar.add_task(text, total=total)

    def __enter__(self) -> "RunsBar":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def describe(self, text: str) -> None:
        """Show what is running."""
        self._bar.update(self._task, description=text)

    def advance(self, runs: int = 1) -> None:
        """Add finished runs."""
        self._bar.advance(self._task, runs)

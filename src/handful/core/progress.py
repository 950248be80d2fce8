"""Progress on standard error: stages, and bars over steps, images or training runs.

In a terminal all that is going on is one live region: a bar that begins while another is shown is a line below it.
Elsewhere (a pipe, a file, a notebook) each stage is a line, and long work a line from time to time, also while nothing
advances.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
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
from rich.table import Column

B = TypeVar("B", bound="_TransientBar")
QUIET = 10.0  # seconds without a line, outside a terminal; later a sixth of the time gone
PULSE = 2.0  # seconds between looks at whether there was none for that long
INDENT = "   "


class _Region:
    """The live region of this process, and what is shown in it, outermost first."""

    def __init__(self) -> None:
        self.bars: list[_TransientBar] = []
        self.stages: Stages | None = None
        self.live: Live | None = None
        self.started = self.last_line = time.monotonic()
        self._over: threading.Event | None = None

    def open(self, bar: "_TransientBar") -> None:
        """Show a bar, below those that are shown."""
        if not self.bars:
            self.started = self.last_line = time.monotonic()
        self.bars.append(bar)
        if bar.console.is_terminal and self.live is None:
            self.live = Live(get_renderable=self._render, console=bar.console, transient=True, refresh_per_second=8)
            self.live.start()
        if not bar.console.is_terminal and self._over is None:
            self._over = threading.Event()
            threading.Thread(target=self._watch, args=(self._over,), daemon=True).start()

    def close(self, bar: "_TransientBar") -> None:
        """Remove a bar; the region ends with the last one."""
        if bar in self.bars:
            self.bars.remove(bar)
        if not self.bars and self.live is not None:
            self.live.stop()
            self.live = None
        if not self.bars and self._over is not None:
            self._over.set()
            self._over = None

    def line(self, text: str) -> None:
        """A line that stays."""
        self.last_line = time.monotonic()
        Console(stderr=True, highlight=False, markup=False).print(text)

    def still(self, text: Callable[[], str]) -> None:
        """Outside a terminal: a line if there was none for long."""
        now = time.monotonic()
        if self.live is None and now - self.last_line >= max(QUIET, (now - self.started) / 6):
            self.line(text())

    def _watch(self, over: threading.Event) -> None:
        """Say from time to time that the innermost work is going on, until it is over."""
        while not over.wait(PULSE):
            for bar in self.bars[-1:]:
                self.still(bar.line)

    def _render(self) -> Group:
        return Group(*(bar.render() for bar in self.bars))


_region = _Region()


class _TransientBar:
    """A line of the live region, to be used as a context; it is removed when the context ends.

    With `shown` None it is shown where another one is: work that a bar is about may have parts of its own. `unit` is
    what it counts; empty: nothing.
    """

    unit = ""

    def __init__(self, *columns: ProgressColumn, name: str, total: int | None, shown: bool | None) -> None:
        self.console = Console(stderr=True)
        self.shown = bool(_region.bars) if shown is None else shown
        self.name = name
        text = TextColumn("{task.description}", table_column=Column(overflow="ellipsis", no_wrap=True))
        self._bar = Bar(text, *columns, console=self.console, disable=not self.shown)
        self._task = self._bar.add_task(self._indented(name), total=total, loss="-")

    def __enter__(self: B) -> B:
        if self.shown:
            _region.open(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _region.close(self)

    def render(self) -> RenderableType:
        """The line."""
        return self._bar.get_renderable()

    def line(self) -> str:
        """The line outside a terminal: what is going on, how far it is, and since when."""
        task, stages = self._bar.tasks[0], _region.stages
        around = "" if stages is None or stages.text == self.name else f"{stages.text}, "
        count = f"{int(task.completed)}" + (f" of {int(task.total)}" if task.total is not None else "")
        far = f"{count} {self.unit}, " if self.unit else ""
        return f"{around}{self.name}: {far}{time.monotonic() - _region.started:.0f} s"

    def _update(self, **values: object) -> None:
        self._bar.update(self._task, **values)  # type: ignore[arg-type]
        if self.shown:
            _region.still(self.line)

    def _indented(self, text: str) -> str:
        return (INDENT if _region.bars else "") + text


class Progress(_TransientBar):
    """A bar over optimizer steps, or over images or other units (then there is no loss), to be used as a context."""

    def __init__(
        self, total: int | None, name: str, *, shown: bool | None, loss: bool = True, unit: str = "images"
    ) -> None:
        self.unit = "steps" if loss else unit
        super().__init__(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("steps, loss {task.fields[loss]}" if loss else unit),
            TimeRemainingColumn(compact=True),
            name=name,
            total=total,
            shown=shown,
        )

    def go_on(self, total: int, done: int) -> None:
        """Set the number of steps, and how many of them were done before."""
        self._update(total=total, completed=done)

    def advance(self, loss: float = math.nan, steps: int = 1) -> None:
        """Add finished steps and show the newest loss."""
        self._update(advance=steps, loss=f"{loss:.3f}")


class RunsBar(_TransientBar):
    """A bar over training runs, to be used as a context."""

    def __init__(self, total: int, text: str, *, shown: bool) -> None:
        named = _region.stages is not None and bool(_region.stages.detail)
        self._described = not named
        self.unit = "rounds" if named else "runs"
        super().__init__(
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn(self.unit),
            TimeElapsedColumn(),
            name=_region.stages.detail if named and _region.stages is not None else text,
            total=total,
            shown=shown,
        )

    def describe(self, text: str) -> None:
        """Show what is running, where no stage says so in words."""
        if self._described:
            self.name = text
            self._update(description=self._indented(text))

    def advance(self, runs: int = 1) -> None:
        """Add finished runs."""
        self._update(advance=runs)


class Activity(_TransientBar):
    """A line that says what is going on, for work of unknown length, to be used as a context.

    Args:
        text: what is going on.
        shown: as for the bars.
        announce: outside a terminal, print the line when it begins.
    """

    def __init__(self, text: str, *, shown: bool | None = None, announce: bool = False) -> None:
        super().__init__(SpinnerColumn(), TimeElapsedColumn(), name=text, total=None, shown=shown)
        if announce and self.shown and not self.console.is_terminal:
            _region.line(f"{self._indented(text)} ...")


class _StageLine(_TransientBar):
    """The line of a stage, with the time of all stages."""

    def __init__(self, text: str, clock: Callable[[], str], *, shown: bool) -> None:
        self._clock = clock
        super().__init__(SpinnerColumn(), TextColumn("{task.fields[clock]}"), name=text, total=None, shown=shown)

    def render(self) -> RenderableType:
        """The line, with the time as it is now."""
        self._bar.update(self._task, clock=self._clock())
        return super().render()


class Stages:
    """The numbered stages of a long command: which it is in, and the time that is gone.

    Args:
        count: how many there are; None: that is not known.
        seconds: the time that they may take; None: no limit.
        spent: seconds since the start.
        shown: whether anything is shown.
    """

    def __init__(self, count: int | None, *, spent: Callable[[], float], seconds: float | None, shown: bool) -> None:
        self.count, self.seconds, self.spent, self.shown = count, seconds, spent, shown
        self.number = 0
        self.text = self.detail = ""

    @contextmanager
    def stage(self, text: str) -> Iterator[None]:
        """The next stage."""
        self.number += 1
        of = "" if self.count is None else f" of {self.count}"
        self.text, self.detail = f"{self.number}{of}: {text}", ""
        started = self.spent()
        line = _StageLine(self.text, self.clock, shown=self.shown)
        if self.shown and not line.console.is_terminal:
            _region.line(f"{self.text} ({self.clock()})")
        before, _region.stages = _region.stages, self
        try:
            with line:
                yield
        finally:
            _region.stages = before
        if self.shown and line.console.is_terminal:
            _region.line(f"{self.text}: {self.spent() - started:.0f} s")

    def describe(self, text: str) -> None:
        """What the stage is at, in words: names the runs that follow."""
        self.detail = text
        if self.shown and _region.live is None:
            _region.line(f"{INDENT}{text} ({self.clock()})")

    def clock(self) -> str:
        """The time that is gone, and what there is of it."""
        spent = self.spent()
        if self.seconds is None:
            return _minutes(spent)
        if spent > self.seconds:
            return f"{_minutes(spent)}, over the budget of {_minutes(self.seconds)}"
        return f"{_minutes(spent)} of {_minutes(self.seconds)}"


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"

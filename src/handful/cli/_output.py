"""Results on standard output: tables for people, or one JSON object; and what may be written where."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

from rich.console import Console
from rich.table import Table

from handful.core.json_values import jsonable
from handful.core.text import wrap


@contextmanager
def print_to_stderr() -> Iterator[None]:
    """Send what is printed during the work to standard error: standard output is for results."""
    with redirect_stdout(sys.stderr):
        yield


def print_json(values: Mapping[str, Any]) -> None:
    """Print one JSON object; NaN and infinity become null, and what the output's encoding lacks an escape."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    print(json.dumps(jsonable(values), ensure_ascii=not unicode))


def print_table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, title: str = "", text: int = 1) -> None:
    """Print a table of the terminal's width; the first `text` columns are left-aligned, the others are numbers."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for i, name in enumerate(columns):
        table.add_column(name, justify="left" if i < text else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)


def calibration_rows(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows about temperature, prediction sets and rejection, from a model's card."""
    calibration = card.get("calibration", {})
    rows = []
    if "temperature" in calibration:
        rows.append(("temperature", f"{calibration['temperature']:.2f} ({calibration['temperature_from']})"))
    if "coverage" in calibration:
        scope = "each class" if calibration["coverage_by_class"] else "all classes together"
        size = f"{calibration['expected_set_size']:.1f} of {len(card['images_per_class'])} classes"
        rows.append(("sets", f"{100 * calibration['coverage']:g} % for {scope}; {size} on held-out training images"))
    if "false_rejection" in calibration:
        score = calibration["rejection_score"].replace("_", " ")
        rows.append(("rejects", f"{100 * calibration['false_rejection']:g} % of held-out training images ({score})"))
    return rows


def print_text(text: str) -> None:
    """Print a paragraph, wrapped if standard output is a terminal."""
    console = Console(highlight=False, markup=False)
    console.print(text, soft_wrap=not console.is_terminal)


def print_indented(text: str) -> None:
    """Print an indented paragraph."""
    margin = "    "
    print("\n".join(wrap(text, width(), first=margin, indent=margin)))


def print_lines(text: str) -> None:
    """Print lines as they are."""
    print(text)


def width() -> int:
    """Width of text in columns: that of the terminal, at least 40 and at most 100; 80 without a terminal."""
    return max(40, min(100, Console().width))


def stderr_is_terminal() -> bool:
    """Whether standard error is a terminal, so that progress bars are shown."""
    return sys.stderr.isatty()

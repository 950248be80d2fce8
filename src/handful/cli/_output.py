"""Results on standard output: tables for people, or one JSON object; and what may be written where."""

import json
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

from rich.console import Console
from rich.table import Table

from handful.core.json_values import jsonable


@contextmanager
def working() -> Iterator[None]:
    """Send whatever is printed on the way to standard error: standard output is for results alone."""
    with redirect_stdout(sys.stderr):
        yield


def print_json(values: Mapping[str, Any]) -> None:
    """One JSON object; numbers that JSON does not know become null."""
    print(json.dumps(jsonable(values), ensure_ascii=False))


def print_table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, title: str = "", text: int = 1) -> None:
    """A table as wide as the terminal; the first `text` columns are words, the others numbers."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for i, name in enumerate(columns):
        table.add_column(name, justify="left" if i < text else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)


def calibration_rows(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a model's card says of its temperature, sets and rejection."""
    found = card.get("calibration", {})
    rows = []
    if "temperature" in found:
        rows.append(("temperature", f"{found['temperature']:.2f} ({found['temperature_from']})"))
    if "coverage" in found:
        whom = "each class" if found["coverage_by_class"] else "all classes together"
        size = f"{found['expected_set_size']:.1f} of {len(card['images_per_class'])} classes"
        rows.append(("sets", f"{100 * found['coverage']:g} % for {whom}; {size} on held-out training images"))
    if "false_rejection" in found:
        score = found["rejection_score"].replace("_", " ")
        rows.append(("rejects", f"{100 * found['false_rejection']:g} % of held-out training images ({score})"))
    return rows


def print_text(text: str) -> None:
    """A paragraph, wrapped where a terminal shows it."""
    console = Console(highlight=False, markup=False)
    console.print(text, soft_wrap=not console.is_terminal)


def print_indented(text: str) -> None:
    """A paragraph below a heading."""
    margin = "    "
    print(textwrap.fill(text, width(), initial_indent=margin, subsequent_indent=margin))


def print_lines(text: str) -> None:
    """Lines that are laid out already."""
    print(text)


def width() -> int:
    """Columns that text may have: the terminal's, at most 100; 80 where none watches."""
    return max(48, min(100, Console().width))


def watched() -> bool:
    """Whether somebody sees standard error, so that a progress bar is worth drawing."""
    return sys.stderr.isatty()

"""Results on standard output: tables for people, or one JSON object; and what may be written where."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from handful.core.json_values import jsonable
from handful.core.text import fill, shorten_middle, wrap

GAP = 2  # spaces between the columns of a table
SHORTEST = 10  # characters to which a word of a table is shortened at most


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
    """Print a table of the terminal's width; the first `text` columns are left-aligned, the others are numbers.

    Texts are wrapped between words; words that are too long for their column are shortened in the middle.
    """
    console = Console(highlight=False)
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    cells = [[row[i] for row in rows] for i in range(len(columns))]
    numbers = sum(max(map(len, [columns[i], *cells[i]])) for i in range(text, len(columns)))
    room = console.width - numbers - GAP * (len(columns) - 1)
    limits = _limits([_longest_word([columns[i], *cells[i]]) for i in range(text)], room)
    for i, limit in enumerate(limits):
        table.add_column(columns[i], min_width=limit)
        cells[i] = [_shorten_words(cell, limit) for cell in cells[i]]
    for name in columns[text:]:
        table.add_column(name, justify="right", no_wrap=True)
    for row in zip(*cells, strict=True):
        table.add_row(*map(Text, row))
    console.print(table)


def _shorten_words(text: str, limit: int) -> str:
    return re.sub(r"\S+", lambda word: shorten_middle(word[0], limit), text)


def _longest_word(texts: Sequence[str]) -> int:
    return max((len(word) for text in texts for word in text.split()), default=0)


def _limits(words: list[int], room: int) -> list[int]:
    """Columns for the longest word of each text, the longest of which give way until all fit, or have `SHORTEST`."""
    limits = list(words)
    while sum(limits) > room and max(limits) > SHORTEST:
        limits[limits.index(max(limits))] -= 1
    return limits


def calibration_rows(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows about calibration, prediction sets and rejection, from a model's card."""
    calibration = card.get("calibration", {})
    rows = []
    if "temperature" in calibration:
        rows.append(("temperature", f"{calibration['temperature']:.2f} ({calibration['temperature_from']})"))
    if "platt_scaling_from" in calibration:
        rows.append(("calibrated", _scaled_classes(calibration)))
    if "coverage" in calibration:
        scope = "each class" if calibration["coverage_by_class"] else "all classes together"
        size = f"{calibration['expected_set_size']:.1f} of {len(card['images_per_class'])} classes"
        rows.append(("sets", f"{100 * calibration['coverage']:g} % for {scope}; {size} on held-out training images"))
    if "false_rejection" in calibration:
        score = calibration["rejection_score"].replace("_", " ")
        rows.append(("rejects", f"{100 * calibration['false_rejection']:g} % of held-out training images ({score})"))
    return rows


def _scaled_classes(calibration: Mapping[str, Any]) -> str:
    """How the probabilities of several labels are calibrated, and which classes share what they are scaled by."""
    if "platt_scaling" not in calibration:
        return str(calibration["platt_scaling_from"])
    text = f"each class by itself ({calibration['platt_scaling_from']})"
    shared = calibration.get("platt_scaling_shared", [])
    if not shared:
        return text
    few = f"fewer than {calibration['platt_scaling_fewest']} images show them, or do not"
    return f"{text}; {', '.join(shared)} with all classes together, as {few}"


def print_text(text: str) -> None:
    """Print a paragraph, wrapped at the width of text; words and paths stay whole."""
    Console(highlight=False, markup=False).print(fill(text, width()), soft_wrap=True)


def print_indented(text: str) -> None:
    """Print an indented paragraph; paths that are too long for a line are shortened in the middle."""
    margin = "    "
    short = _shorten_words(text, width() - len(margin))
    print("\n".join(wrap(short, width(), first=margin, indent=margin)))


def print_lines(text: str) -> None:
    """Print lines as they are."""
    print(text)


def width() -> int:
    """Width of text in columns: that of the terminal, at least 40 and at most 100; 80 without a terminal."""
    return max(40, min(100, Console().width))


def stderr_is_terminal() -> bool:
    """Whether standard error is a terminal, so that progress bars are shown."""
    return sys.stderr.isatty()

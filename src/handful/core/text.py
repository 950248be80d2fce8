"""Text in a limited number of columns, with names shortened in the middle; and shares in words."""

import math
import textwrap
from collections.abc import Sequence

ELLIPSIS = "..."
WIDE = 0.15  # width of an interval from which on shares are said in tenths


def wrap(text: str, width: int, *, first: str = "", indent: str = "") -> list[str]:
    """Lines of at most `width` characters, broken at spaces only: no word, name or path is cut.

    Args:
        text: one paragraph.
        width: a longer word has a line of its own, and is longer than that.
        first: what the first line begins with.
        indent: what the other lines begin with.
    """
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def fill(text: str, width: int) -> str:
    """A text of one or more paragraphs, each wrapped by itself; they keep their indents in the first line."""
    return "\n".join(line for paragraph in text.split("\n") for line in wrap(paragraph, width) or [""])


def shorten_middle(text: str, width: int) -> str:
    """A path or name in at most `width` characters: what is left out in the middle becomes three dots.

    The end, which tells names apart, has the larger half; of a path its last name is whole if it fits.
    """
    if len(text) <= width:
        return text
    room = width - len(ELLIPSIS)
    if room < 1:
        return ELLIPSIS[:width]
    last = len(text) - max(text.rfind("/"), text.rfind("\\"), 0)
    end = max(last if last < room else 0, (room + 1) // 2)
    return text[: room - end] + ELLIPSIS + text[len(text) - end :]


def capitalize(text: str) -> str:
    """The text with a capital letter."""
    return text[:1].upper() + text[1:]


def listed(names: Sequence[str], most: int, *, separator: str = ", ") -> str:
    """The first names, and how many more there are: "a, b and 3 more"; "a; b; and 3 more" of what has commas itself.

    Args:
        names: all of them.
        most: number of names that are shown.
        separator: what stands between two.
    """
    shown = separator.join(names[:most])
    before = "" if separator == ", " else separator.rstrip()
    return shown if len(names) <= most else f"{shown}{before} and {len(names) - most:,} more"


def in_words(class_name: str) -> str:
    """A class's name in a sentence: a number is said to be a class."""
    return f"class {class_name}" if class_name.strip().isdigit() else class_name


def share_of(share: float, whole: int) -> str:
    """A share in whole parts, such as "9 of 10"; never rounded to none or to all."""
    return f"{share_count(share, whole)} of {whole}"


def share_count(share: float, whole: int) -> str:
    """The number of parts in `share_of`."""
    count = round(share * whole)
    if count == whole and share < 1:
        return f"more than {whole - 1}" if share > 1 - 0.5 / whole else str(whole - 1)
    if count == 0 and share > 0:
        return "fewer than 1"
    return str(count)


def how_often_right(share: float, low: float, high: float) -> str:
    """How often a classifier is right, with the 95 % interval, as in "about 9 of 10 new images (...)".

    The number is in tenths where the interval is wide; the interval always has the digits of the tables.
    """
    text = f"about {share_of(share, 10 if high - low > WIDE else 100)} new images"
    return text if math.isnan(low + high) else f"{text} (95 % interval {100 * low:.1f} to {100 * high:.1f} %)"

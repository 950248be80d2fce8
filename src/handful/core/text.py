"""Text in a limited number of columns: paragraphs without broken words, and long names shortened in the middle."""

import textwrap

ELLIPSIS = "..."


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

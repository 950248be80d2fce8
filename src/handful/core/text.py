"""Text in a limited number of columns: paragraphs without broken words, and long names shortened in the middle."""

import textwrap

ELLIPSIS = "…"


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


def shorten_middle(text: str, width: int) -> str:
    """A path or name in at most `width` characters: what is left out in the middle becomes an ellipsis.

    The end, which tells names apart, has the larger half; of a path its last name is whole if it fits.
    """
    if len(text) <= width:
        return text
    if width <= 1:
        return ELLIPSIS[:width]
    last = len(text) - max(text.rfind("/"), text.rfind("\\"), 0)
    end = max(last, width // 2) if last < width - 1 else width // 2
    return text[: width - 1 - end] + ELLIPSIS + text[len(text) - end :]


def capitalize(text: str) -> str:
    """The text with a capital letter."""
    return text[:1].upper() + text[1:]

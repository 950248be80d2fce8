"""Class names that are probably none: marks of a missing value, dates, measurements."""

import re
import warnings
from collections import Counter
from collections.abc import Sequence

from handful.core.text import listed
from handful.errors import HandfulWarning, by_interface, hint

_MARKS = ("?", "??", "-", "--", ".", "n/a", "#n/a", "na", "nan", "null", "nil", "none")
MISSING = frozenset((*_MARKS, "missing", "unknown", "unlabeled", "unlabelled", "undefined", "tbd", "todo"))
_DATE = re.compile(
    r"(\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4})([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?"
)
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?")
FEWEST_FRACTIONS, FEWEST_NUMBERS = 5, 20  # different values from which on numbers are no classes
ROWS_PER_NUMBER = 3  # images for each value, below which whole numbers are no classes
MOST_NAMED = 3


def warn_doubtful_names(names: Sequence[str], where: object) -> None:
    """Say which class names look like something else, each kind once, with what to do.

    Args:
        names: the class name of each labelled image.
        where: what to name in the note.
    """
    counts = Counter(names)
    missing = [name for name in sorted(counts) if name.strip().casefold() in MISSING]
    rest = [name for name in sorted(counts) if name not in missing]
    if missing and rest:
        shown = " and ".join(f"{name!r} ({_images(counts[name])})" for name in missing[:MOST_NAMED])
        are = "is a class" if len(missing) == 1 else "are classes"
        no_label = "leave the cell empty, or move these images to a folder unlabelled/"
        remedy = by_interface(command=no_label, python=f"{no_label}; None in a list")
        _warn(where, f"{shown} {are} here; where it means that there is no label, {remedy}")
    if len(rest) < 2:
        return
    if all(_DATE.fullmatch(name) for name in rest):
        what, remedy = "dates", "undo what a spreadsheet made of them"
    elif all(_NUMBER.fullmatch(name) for name in rest) and _measured(rest, sum(counts[name] for name in rest)):
        numbers = by_interface(command="`handful fit DATA --number NAME`", python="`from_arrays(numbers=...)`")
        what, remedy = "measurements", f"put the values into a few ranges; {numbers} predicts them as numbers"
    else:
        return
    other = f"choose other labels{hint('columns', {'label': 'NAME'})}"
    _warn(where, f"the {len(rest)} classes look like {what} ({_shown(rest)}); {other}, or {remedy}")


def _measured(names: Sequence[str], images: int) -> bool:
    """Whether numbers are measurements: several with a fraction, or nearly as many values as images."""
    values = {float(name.replace(",", ".")) for name in names}
    if len(values) >= FEWEST_FRACTIONS and any(value != round(value) for value in values):
        return True
    return len(values) > FEWEST_NUMBERS and images < ROWS_PER_NUMBER * len(values)


def _shown(names: Sequence[str]) -> str:
    return listed(names, MOST_NAMED)


def _images(number: int) -> str:
    return "1 image" if number == 1 else f"{number:,} images"


def _warn(where: object, text: str) -> None:
    warnings.warn(f"{where}: {text}", HandfulWarning, stacklevel=4)

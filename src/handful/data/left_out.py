"""Messages about files and records that a reader did not use: one for each kind, with their number and examples."""

import warnings
from collections.abc import Iterable

from handful.core.dataset import Dataset
from handful.core.file_names import printable
from handful.core.left_out import LeftOut
from handful.core.text import listed
from handful.errors import HandfulWarning

SHOWN = 3  # paths named in a message


def merged(items: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """One `LeftOut` for each kind and remedy, with the paths of all, in the order in which the kinds first occur."""
    paths: dict[tuple[str, str], dict[str, None]] = {}
    for item in items:
        paths.setdefault((item.kind, item.remedy), {}).update(dict.fromkeys(item.paths))
    return tuple(LeftOut(kind, tuple(names), remedy) for (kind, remedy), names in paths.items() if names)


def summary(item: LeftOut) -> str:
    """What was not used, how many and which, as a sentence without remedy and full stop."""
    shown = listed([printable(path) for path in item.paths], SHOWN, separator="; ")
    return f"{item.kind}: {len(item.paths)} not used ({shown})"


def warn_left_out(data: Dataset) -> None:
    """A `HandfulWarning` for each kind of file or record that the reader of the data did not use."""
    warn_of(data.left_out)


def warn_of(items: Iterable[LeftOut]) -> None:
    """As `warn_left_out`, of items that belong to no data set."""
    for item in merged(items):
        warnings.warn(f"{summary(item)}; {item.remedy}", HandfulWarning, stacklevel=4)

"""The dataclass `LeftOut`: what a reader of data did not use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LeftOut:
    """Files or records at the source of a data set that its reader did not use, for one reason.

    Attributes:
        kind: what they are, in the plural and with the reason: "links whose target is missing".
        paths: their paths below the root of the data, or other names that a user recognizes; none is left out.
        remedy: what makes them usable, or how to be rid of them; a clause without its full stop.
    """

    kind: str
    paths: tuple[str, ...]
    remedy: str

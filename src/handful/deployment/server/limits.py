"""Limits of the prediction server: sizes, times and simultaneous requests."""

from dataclasses import dataclass
from math import isfinite

from handful.errors import OutputError


@dataclass(frozen=True)
class Limits:
    """Limits of one worker process; together they bound its memory.

    Args:
        megabytes: size of a request.
        megapixels: size of an image.
        batch: images in one request.
        waiting: requests accepted at the same time; further ones get status 429.
        seconds: time for receiving and answering a request.
        together: images in one forward pass of the network.
        gather: seconds that an image waits for others while more requests are being handled.
        decoders: threads that decode images.

    Raises:
        OutputError: a limit is not a finite number above 0.
    """

    megabytes: float = 20.0
    megapixels: float = 40.0
    batch: int = 32
    waiting: int = 32
    seconds: float = 30.0
    together: int = 8
    gather: float = 0.004
    decoders: int = 2

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (value > 0 and isfinite(value)):
                raise OutputError(f"{name} is {value!r}", where="limits", remedy="give a finite number above 0.")

    @property
    def max_bytes(self) -> int:
        """Size of a request's body."""
        return int(self.megabytes * 1e6)

    @property
    def max_pixels(self) -> int:
        """Size of an image."""
        return int(self.megapixels * 1e6)

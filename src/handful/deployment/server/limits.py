"""What a server takes on, and what it refuses."""

from dataclasses import dataclass

from handful.errors import OutputError


@dataclass(frozen=True)
class Limits:
    """Bounds of one worker process; together they bound its memory.

    At most `waiting` requests are taken on at once, each of `megabytes` or less and done within `seconds` (to send it
    and to answer it). `batch` images at most are in one request, `megapixels` in one image, and as many images as
    `together` go through the network at once; for others, where requests are on their way, a first one waits `gather`
    seconds at most.
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
            if not value > 0:
                raise OutputError(f"{name} is {value!r}", where="limits", remedy="give a number above 0.")

    @property
    def most_bytes(self) -> int:
        """Of a request's body."""
        return int(self.megabytes * 1e6)

    @property
    def most_pixels(self) -> int:
        """Of an image."""
        return int(self.megapixels * 1e6)

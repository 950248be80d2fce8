"""The dataclass `Scale`: the standardization of numbers to predict."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each quantity over the training images: networks learn (value - mean) / deviation.

    Example:
        >>> from handful.core.standardization import Scale
        >>> Scale((20.0,), (5.0,)).mean
        (20.0,)
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

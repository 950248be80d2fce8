"""The dataclass `PixelRange`: how images of more than 8 bits per channel become images of 8 bits."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PixelRange:
    """The values of deep images (more than 8 bits per channel) that become black and white, for all images alike.

    Attributes:
        low: this value, and whatever is below it, becomes 0.
        high: this value, and whatever is above it, becomes 255.
        window: the range was given as a window, in the units of the images, so that it holds for float images too;
            False: it is the range of a number of bits, and float images stay in [0, 1].

    Example:
        >>> from handful.core.pixel_range import PixelRange
        >>> PixelRange.of_bits(12)
        PixelRange(low=0.0, high=4095.0, window=False)
    """

    low: float
    high: float
    window: bool = False

    @classmethod
    def of_bits(cls, bits: int) -> "PixelRange":
        """The range of unsigned integers with this number of bits."""
        return cls(0.0, float(2**bits - 1))

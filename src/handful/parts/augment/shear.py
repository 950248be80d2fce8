"""Random horizontal shear, which varies the slant of handwriting."""

from handful.core.context import Context
from handful.parts.augment._part import Augment, check_number
from handful.parts.augment._warp import Fill, Warp


def build(_context: Context, *, degrees: float = 15.0, fill: Fill = "zeros", probability: float = 1.0) -> Augment:
    """Shear each image and its pixel labels horizontally, by an angle uniform in [-degrees, degrees].

    Args:
        degrees: largest angle of vertical lines, at most 80; horizontal lines remain horizontal.
        fill: values outside the image, as in `affine`.
        probability: chance that an image is sheared.

    Raises:
        ValueError: an option is out of range.
    """
    check_number("degrees", degrees, 0.0, 80.0)
    return Warp(shear=degrees, fill=fill, probability=probability)

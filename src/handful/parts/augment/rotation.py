"""Random rotation about the center: CvS on MNIST, CIFAR-10 and HRF (section V-C; the paper gives no value)."""

from handful.core.context import Context
from handful.parts.augment._part import Augment, check_number
from handful.parts.augment._warp import Fill, Warp


def build(_context: Context, *, degrees: float = 15.0, fill: Fill = "zeros", probability: float = 1.0) -> Augment:
    """Rotate each image and its pixel labels by an angle uniform in [-degrees, degrees].

    Args:
        degrees: largest angle; 180: any angle.
        fill: values outside the image, as in `affine`.
        probability: chance that an image is rotated.

    Raises:
        ValueError: an option is out of range.
    """
    check_number("degrees", degrees, 0.0, 180.0)
    return Warp(degrees=degrees, fill=fill, probability=probability)

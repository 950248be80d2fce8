"""Random translation and scaling, as CvS uses on MNIST and CIFAR-100 (section V-C; the paper gives no values)."""

from collections.abc import Sequence

from handful.core.context import Context
from handful.parts.augment._part import Augment
from handful.parts.augment._warp import Fill, Warp


def build(
    _context: Context,
    *,
    translate: float = 0.1,
    scale: Sequence[float] = (0.85, 1.15),
    fill: Fill = "zeros",
    probability: float = 1.0,
) -> Augment:
    """Scale each image and its pixel labels about the center, then translate them.

    Args:
        translate: largest translation as a share of the side; x and y are each uniform in [-translate, translate].
        scale: smallest and largest scale factor, uniform between; above 1 enlarges.
        fill: values outside the image, as in `affine`.
        probability: chance that an image is transformed.

    Raises:
        ValueError: an option is out of range.
    """
    return Warp(translate=translate, scale=scale, fill=fill, probability=probability)

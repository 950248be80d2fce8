"""Random translation and scaling, as CvS uses on MNIST and CIFAR-100 (section V-C; the paper gives no amounts)."""

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
        translate: share of the side, across and down each uniform in [-translate, translate].
        scale: smallest and largest factor, uniform between; above 1 enlarges.
        fill: what comes in from outside, as in `affine`.
        probability: chance that an image is changed.

    Raises:
        ValueError: an amount out of range.
    """
    return Warp(translate=translate, scale=scale, fill=fill, probability=probability)

"""Random shift with zoom, as CvS uses on MNIST and CIFAR-100 (section V-C; the paper gives no amounts)."""

from collections.abc import Sequence

from handful.core.context import Context
from handful.parts.augment._part import Augment
from handful.parts.augment._warp import Fill, Warp


def build(
    _context: Context,
    *,
    shift: float = 0.1,
    zoom: Sequence[float] = (0.85, 1.15),
    fill: Fill = "zeros",
    probability: float = 1.0,
) -> Augment:
    """Zoom each image and its pixel labels about the centre, then shift them.

    Args:
        shift: share of the side, across and down each uniform in [-shift, shift].
        zoom: smallest and largest factor, uniform between; above 1 enlarges.
        fill: what comes in from outside, as in `affine`.
        probability: chance that an image is changed.

    Raises:
        ValueError: an amount out of range.
    """
    return Warp(shift=shift, zoom=zoom, fill=fill, probability=probability)

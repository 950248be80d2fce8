"""Random affine maps and elastic waves in one resampling, so that the image is blurred once."""

from collections.abc import Sequence

from handful.core.context import Context
from handful.parts.augment._part import Augment
from handful.parts.augment._warp import Fill, Warp


def build(
    _context: Context,
    *,
    degrees: float = 15.0,
    translate: float = 0.1,
    scale: Sequence[float] = (0.85, 1.15),
    shear: float = 10.0,
    elastic: float = 0.0,
    elastic_grid: int = 4,
    fill: Fill = "zeros",
    probability: float = 1.0,
) -> Augment:
    """Warp each image and its pixel labels by amounts of its own, all uniform in their range.

    Args:
        degrees: largest rotation; the angle is in [-degrees, degrees].
        translate: share of the side, across and down each in [-translate, translate].
        scale: smallest and largest factor; above 1 enlarges.
        shear: degrees that upright lines slant by, in [-shear, shear].
        elastic: share of the side that a knot of a coarse grid moves by at most; the pixels between follow.
        elastic_grid: knots along a side.
        fill: "zeros" (black), "border" (the edge pixel) or "reflection" comes in from outside. Pixel labels
            there are background, or mirrored.
        probability: chance that an image is warped.

    Raises:
        ValueError: an amount out of range.
    """
    return Warp(
        degrees=degrees,
        translate=translate,
        scale=scale,
        shear=shear,
        elastic=elastic,
        elastic_grid=elastic_grid,
        fill=fill,
        probability=probability,
    )

"""Random affine and elastic transformation in one resampling, so that images are blurred once only."""

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
    """Transform each image and its pixel labels, with parameters drawn per image, uniform in their ranges.

    Args:
        degrees: largest rotation; the angle is in [-degrees, degrees].
        translate: largest translation as a share of the side; x and y are each in [-translate, translate].
        scale: smallest and largest scale factor; above 1 enlarges.
        shear: largest shear of vertical lines, in degrees; the angle is in [-shear, shear].
        elastic: largest displacement of a control point as a share of the side, as `alpha` of `elastic`; 0: none.
        elastic_grid: control points along a side.
        fill: values outside the image: black ("zeros"), the nearest edge pixel ("border") or the mirrored image
            ("reflection"). Pixel labels there are background, or mirrored with the image.
        probability: chance that an image is transformed.

    Raises:
        ValueError: an option is out of range.
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

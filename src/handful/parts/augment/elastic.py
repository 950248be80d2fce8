"""Elastic deformation: pixels are displaced by a smooth random field (Simard et al. 2003, for handwritten digits).

The field is interpolated bicubically between control points of a coarse grid; the paper smooths noise by a Gaussian.
"""

from handful.core.context import Context
from handful.parts.augment._part import Augment, check_number
from handful.parts.augment._warp import Fill, Warp


def build(
    _context: Context,
    *,
    alpha: float = 0.06,
    grid: int = 4,
    fill: Fill = "zeros",
    probability: float = 1.0,
) -> Augment:
    """Deform each image and its pixel labels.

    Args:
        alpha: largest displacement of a control point as a share of the side; x and y are each uniform in
            [-alpha, alpha]. The image can fold over itself from 0.5 / (grid - 1).
        grid: control points along a side.
        fill: values outside the image, as in `affine`.
        probability: chance that an image is deformed.

    Raises:
        ValueError: an option is out of range.
    """
    check_number("alpha", alpha, 0.0, 1.0)
    check_number("grid", grid, 2.0, 64.0, whole=True)
    return Warp(elastic=alpha, elastic_grid=grid, fill=fill, probability=probability)

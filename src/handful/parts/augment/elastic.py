"""Elastic waves: pixels displaced by a smooth random field (Simard et al. 2003, for handwritten digits).

The field is bicubic between uniformly drawn knots of a coarse grid, in place of the paper's Gaussian filter.
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
    """Bend each image and its pixel labels.

    Args:
        alpha: share of the side; a knot moves across and down by amounts uniform in [-alpha, alpha].
        grid: knots along a side; more knots, smaller waves. The image may fold from alpha = 0.5 / (grid - 1).
        fill: what comes in from outside, as in `affine`.
        probability: chance that an image is bent.

    Raises:
        ValueError: an amount out of range.
    """
    check_number("alpha", alpha, 0.0, 1.0)
    check_number("grid", grid, 2.0, 64.0, whole=True)
    return Warp(elastic=alpha, elastic_grid=grid, fill=fill, probability=probability)

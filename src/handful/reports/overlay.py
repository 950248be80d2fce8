"""Overlays: regions of an image tinted in the color of their class, with an outline."""

import colorsys

import numpy as np
from jaxtyping import Int, UInt8

from handful.core.dataset import Image

# Distinct for readers with red-green color blindness (Okabe and Ito 2008); later ones go round the color wheel.
_DISTINCT = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))

UNKNOWN_COLOR = np.array([[255, 0, 255]], dtype=np.uint8)  # of regions of nothing that was taught


def palette(k: int) -> UInt8[np.ndarray, "k 3"]:
    """Colors for `k` classes, red, green, blue."""
    extra = [colorsys.hsv_to_rgb(i * 0.618034 % 1, 0.65, 0.95) for i in range(max(0, k - len(_DISTINCT)))]
    rows = [*_DISTINCT[:k], *(tuple(round(255 * c) for c in rgb) for rgb in extra)]
    return np.array(rows, dtype=np.uint8).reshape(k, 3)


def paint_regions(
    image: Image, regions: Int[np.ndarray, "h w"], colors: UInt8[np.ndarray, "k 3"], *, tint: float = 0.4
) -> Image:
    """The image with each region tinted and edged.

    Args:
        image: uint8 [3 h w].
        regions: 0 background, which stays as it is; class + 1 elsewhere.
        colors: one per class.
        tint: share of the color inside a region, in [0, 1]; its edge has the color alone.
    """
    table = np.concatenate([np.zeros((1, 3), np.uint8), colors])
    color = table[regions].transpose(2, 0, 1).astype(np.float32)
    share = np.where(regions > 0, tint, 0.0).astype(np.float32)
    if min(regions.shape) >= 24:  # on smaller images the edge would be the image
        share[(regions > 0) & _edge(regions)] = 1.0
    return np.asarray(np.rint(image * (1 - share) + color * share).astype(np.uint8))


def _edge(regions: Int[np.ndarray, "h w"]) -> np.ndarray:
    """Pixels with a neighbor above, below, left or right of another region."""
    padded = np.pad(regions, 1, mode="edge")
    center = padded[1:-1, 1:-1]
    sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    return np.asarray(np.any([side != center for side in sides], axis=0))

"""A rectangle of a mask, as page and server exchange it: packed bits, row by row without gaps."""

from dataclasses import dataclass

import numpy as np

from handful.core.dataset import Mask
from handful.errors import DataError


@dataclass(frozen=True, eq=False)
class Patch:
    """The content of a mask from column `x` and row `y` on."""

    x: int
    y: int
    mask: Mask


def unpack(bits: bytes, rectangle: tuple[int, int, int, int], *, size: tuple[int, int]) -> Patch:
    """A patch from its bits, the first pixel in the highest bit of the first byte.

    Args:
        bits: (w * h + 7) // 8 bytes.
        rectangle: x, y, w and h, in pixels.
        size: height and width of the image.

    Raises:
        DataError: it does not lie in the image, or has other bytes than it should.
    """
    x, y, w, h = rectangle
    where = f"x={x}, y={y}, w={w}, h={h}"
    if w < 1 or h < 1 or x < 0 or y < 0 or x + w > size[1] or y + h > size[0]:
        what = f"this rectangle does not lie in an image of {size[0]} x {size[1]} (height x width)"
        raise DataError(what, where=where, remedy="reload the page.")
    if len(bits) != (w * h + 7) // 8:
        raise DataError(f"{len(bits)} bytes do not fill this rectangle", where=where, remedy="reload the page.")
    flat = np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=w * h)
    return Patch(x, y, flat.reshape(h, w).astype(bool))


def pack(mask: Mask) -> bytes:
    """A whole mask's bits, as `unpack` reads them."""
    return np.packbits(mask).tobytes()


def apply(mask: Mask, patch: Patch) -> Mask:
    """A mask with the patch's content in its place."""
    h, w = patch.mask.shape
    changed = mask.copy()
    changed[patch.y : patch.y + h, patch.x : patch.x + w] = patch.mask
    return changed

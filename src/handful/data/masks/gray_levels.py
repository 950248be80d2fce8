"""The brightness from which a pixel of a mask image is foreground: masks that were compressed, blurred or resized.

Lossy compression leaves hardly a pixel of the background exactly zero, and soft edges have all values between
background and object: there, foreground starts at half brightness. Label values, which are whole regions of one
value, are foreground wherever they are not zero. Pixels tell which it is, not the file's name or format.
"""

import cv2
import numpy as np
from jaxtyping import Num

SCATTERED = 1 / 3  # share of a mask's values that occur in no region of their own, from which it is not a label map
NOISE = 32  # of 255: compression moves black and white no further in most pixels
HALF = 128
REGION = 17  # pixels: more than a block of JPEG, also where color has half the resolution


def foreground_level(v: Num[np.ndarray, "h w"], *, is_gray: bool = True) -> float | None:
    """The least brightness of foreground in a lossy or soft mask; None in a label map: all that is not 0 is foreground.

    Args:
        v: brightness of each pixel, 0 where it is transparent; uint8, or deeper.
        is_gray: the image has no colors. An image in colors that is mostly of middle brightness is a photograph.
    """
    values = np.flatnonzero(np.bincount(v.ravel())) if v.dtype == np.uint8 else np.unique(v)
    top = 255.0 if v.dtype == np.uint8 else float(values[-1])
    if len(values) < 4 or not np.isfinite(top) or values[0] < 0 or values[-1] < top / 2:
        return None
    if v.dtype.kind in "iu" and values[-1] < HALF:
        return None
    if not _is_scattered(v, values) and not _is_black_and_white(v, values):
        return None
    unit = top / 255
    seen = np.count_nonzero(v >= NOISE * unit)
    middle = seen - np.count_nonzero(v >= values[-1] - NOISE * unit)
    if not is_gray and middle > seen / 2 and seen > v.size / 2:
        return None
    return min(HALF if v.dtype == np.uint8 else top / 2, _darkest_region(v, unit) / 2)


def _is_black_and_white(v: Num[np.ndarray, "h w"], values: Num[np.ndarray, " n"]) -> bool:
    """Whether most values are shades of black or of white, of which there are several."""
    if v.dtype != np.uint8 or values[-1] < 250:
        return False
    dark, bright = np.count_nonzero((values > 0) & (values <= NOISE)), np.count_nonzero(values >= 240)
    middle = np.count_nonzero((values > NOISE) & (values < 240))
    return bool(dark > 0 and bright > 1 and (not middle or (min(dark, bright) > 2 and middle <= dark + bright)))


def _is_scattered(v: Num[np.ndarray, "h w"], values: Num[np.ndarray, " n"]) -> bool:
    """Whether a third of the values above 0 occur mostly in pixels with few equal and some other neighbors."""
    h, w = v.shape
    padded = np.pad(v, 1, mode="edge")
    equal, other = np.zeros((h, w), np.uint8), np.zeros((h, w), bool)
    for dy, dx in ((y, x) for y in range(3) for x in range(3) if (y, x) != (1, 1)):
        neighbor = padded[dy : dy + h, dx : dx + w]
        same = neighbor == v
        equal += same
        other |= ~same & (neighbor > 0)
    scattered = (equal < 2) & other & (v > 0)
    numbers = v if v.dtype == np.uint8 else np.searchsorted(values, v)
    total, alone = np.bincount(numbers.ravel()), np.bincount(numbers[scattered], minlength=0)
    alone = np.pad(alone, (0, len(total) - len(alone)))
    known = total > 0
    if values[0] == 0:
        known[0] = False
    return bool(np.count_nonzero(alone[known] >= total[known] / 2) >= SCATTERED * np.count_nonzero(known))


def _darkest_region(v: Num[np.ndarray, "h w"], unit: float) -> float:
    """The least brightness that fills a region of its own between black and half brightness; infinite if none does.

    A class that is drawn in dark gray or in a dark color stays foreground.
    """
    if v.dtype != np.uint8:
        v = np.clip(np.rint(v / unit), 0, 255).astype(np.uint8)
    square = np.ones((REGION, REGION), np.uint8)
    least, most = cv2.erode(v, square), cv2.dilate(v, square)
    inside = (least >= NOISE) & (most < HALF) & (most - least <= NOISE // 2)
    if np.count_nonzero(inside) < np.count_nonzero(v >= NOISE) / 100 + 1:
        return float("inf")
    return float(np.quantile(v[inside], 0.05)) * unit

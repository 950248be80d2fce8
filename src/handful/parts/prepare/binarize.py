"""Masks from brightness or color, for objects on a plain background.

The default is CvS, section III-B1: every pixel above 0.0 is foreground, as on MNIST.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from jaxtyping import Float, Int

from handful.core.context import Context
from handful.core.dataset import Dataset, Image, Mask
from handful.data.images import pixels
from handful.parts.prepare._masking import Prepare, make_masks

makes_masks = True
automatic = True
multilabel = True
RULES = ("threshold", "otsu", "color")


def build(
    context: Context,  # noqa: ARG001
    *,
    rule: str = "threshold",
    threshold: float = 0.0,
    invert: bool | None = None,
    color: Sequence[int] | None = None,
    tolerance: float | None = None,
    replace: bool = False,
) -> Prepare:
    """Give masks to the samples without one; an empty or full one is left out, with a warning.

    Args:
        context: not used.
        rule: "threshold": grey above `threshold`. "otsu": grey above the threshold that separates it best
            (Otsu 1979). "color": pixels that differ from the background's color, the median of the image's
            border; with `color`, pixels that are like it.
        threshold: grey (Rec. 601 luma) in [0, 1).
        invert: take the darker side instead; None: never for "threshold", and for "otsu" whichever side has
            less of the image's border.
        color: red, green, blue in 0..255, for rule "color".
        tolerance: color difference that still counts as the same color, in CIELAB (CIE76; about 2 is just visible);
            None: by Otsu's rule on the image's own differences.
        replace: make masks also for samples that have one.

    Raises:
        ValueError: an option that does not fit.
    """
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(RULES)}, not {rule!r}")
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold must be in [0, 1), not {threshold}")
    if tolerance is not None and tolerance < 0:
        raise ValueError(f"tolerance must not be negative, and is {tolerance}")
    if color is not None and (len(color) != 3 or not all(0 <= c <= 255 for c in color)):
        raise ValueError(f"color must be red, green, blue in 0..255, not {list(color)}")
    target = None if color is None else np.array(color, dtype=np.uint8)
    makers: dict[str, Callable[[Image], Mask]] = {
        "threshold": lambda image: above(image, threshold, invert=bool(invert)),
        "otsu": lambda image: otsu(image, invert=invert),
        "color": lambda image: unlike_border(image, tolerance) if target is None else like(image, target, tolerance),
    }
    make = makers[rule]

    def prepare(data: Dataset) -> Dataset:
        return make_masks(data, lambda s: make(pixels(s)), source="binarize", which=None, again=replace)

    return prepare


def above(image: Image, threshold: float, *, invert: bool = False) -> Mask:
    """Pixels whose grey value is above the threshold; inverted: at or below it."""
    return np.asarray((grey(image) > round(threshold * 255_000)) != invert)


def grey(image: Image) -> Int[np.ndarray, "h w"]:
    """Rec. 601 luma times 1000, exact, in 0..255000: 0 only where all three channels are 0."""
    return np.asarray(np.tensordot(np.array([299, 587, 114]), image.astype(np.int64), axes=1))


def otsu(image: Image, *, invert: bool | None = None) -> Mask:
    """The brighter side of Otsu's threshold, or the darker; by default the one less on the border."""
    bright = _separate(np.asarray(grey(image) / 1000))
    dark_is_object = border(bright[None]).mean() > 0.5 if invert is None else invert
    return ~bright if dark_is_object else bright


def unlike_border(image: Image, tolerance: float | None) -> Mask:
    """Pixels whose color differs from the border's median by more than the tolerance."""
    median = np.median(border(image), axis=1).astype(np.uint8)
    distance = differences(image, median)
    return _separate(distance) if tolerance is None else np.asarray(distance > tolerance)


def like(image: Image, color: np.ndarray, tolerance: float | None) -> Mask:
    """Pixels whose color differs from this one by no more than the tolerance."""
    distance = differences(image, color)
    return ~_separate(distance) if tolerance is None else np.asarray(distance <= tolerance)


def differences(image: Image, color: np.ndarray) -> Float[np.ndarray, "h w"]:
    """Distance of each pixel's color from one color in CIELAB (CIE76)."""
    rows = np.ascontiguousarray(image.transpose(1, 2, 0))
    lab = cv2.cvtColor(rows.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    one = cv2.cvtColor(color.reshape(1, 1, 3).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return np.asarray(np.linalg.norm(lab - one, axis=2), dtype=np.float64)


def border(image: np.ndarray) -> np.ndarray:
    """The outermost pixels of [c h w] as [c n]."""
    sides = (image[:, 0], image[:, -1], image[:, 1:-1, 0], image[:, 1:-1, -1])
    return np.concatenate(sides, axis=1)


def _separate(values: Float[np.ndarray, "h w"]) -> Mask:
    """Values above Otsu's threshold, sought on 256 levels from the least to the largest; none if all are equal."""
    low, high = values.min(), values.max()
    if high == low:
        return np.zeros(values.shape, dtype=bool)
    levels = np.round((values - low) / (high - low) * 255).astype(np.uint8)
    cut, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return np.asarray(levels > cut)

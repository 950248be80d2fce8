"""Partial masks: points, lines and boxes, or images with a third value, that speak of some pixels only.

A point or line says what is under it; its label says whether that is the object or the background. A box says that
what is outside of all boxes is background, and nothing of what is inside. A shape with an area is object, inside.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from handful.core.dataset import Mask
from handful.core.text import listed
from handful.data.images import open_image
from handful.data.masks.polygons import Points, fill
from handful.errors import DataError

UNKNOWN = 128  # gray level of the pixels that a mask image does not speak of; 0 is background, 255 object
BACKGROUND = frozenset(("background", "bg", "ground", "negative", "not"))
WIDTH = 3  # pixels, of a line and a point
NO_BACKGROUND = "the masks mark the object alone, and no background"
MARK_BACKGROUND = "mark some background too: a line or point labelled background, or a box around the object."


@dataclass(frozen=True, eq=False)
class Mark:
    """One shape of an annotation.

    Attributes:
        points: x, y of a point, of a line's vertices, or of a box's corners; None: `area` is the shape.
        is_box: the points are the corners of a box.
        foreground: it marks the object.
        area: computes the pixels of a shape with an area.
    """

    points: Points | None = None
    is_box: bool = False
    foreground: bool = True
    area: Callable[[tuple[int, int]], Mask] | None = None


def is_background(label: object) -> bool:
    """Whether a label says that a point or line marks the background."""
    return str(label).strip().casefold() in BACKGROUND


def rasterize_marks(marks: Sequence[Mark], size: tuple[int, int]) -> tuple[Mask, Mask]:
    """The mask of some marks, and the pixels that it speaks of. Later marks cover earlier ones; boxes come first.

    Args:
        marks: the marks.
        size: height and width of the image.

    Raises:
        ValueError: a coordinate that is not finite.
    """
    if not all(np.isfinite(mark.points).all() for mark in marks if mark.points is not None):
        raise ValueError("a coordinate is not finite")
    drawn: UInt8[np.ndarray, "h w"] = np.full(size, UNKNOWN, dtype=np.uint8)
    boxes = [fill([mark.points], size) for mark in marks if mark.is_box and mark.points is not None]
    areas = [mark.area(size) for mark in marks if mark.area is not None]
    if boxes:
        drawn[~np.logical_or.reduce([*boxes, *areas])] = 0
    for area in areas:
        drawn[area] = 255
    for mark in marks:
        if mark.points is None or mark.is_box:
            continue
        line = np.concatenate([mark.points, mark.points[-1:]])  # OpenCV draws nothing for a single point
        fixed = np.rint((line - 0.5) * 16).clip(-(2**30), 2**30).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(drawn, [fixed], False, 255 if mark.foreground else 0, thickness=WIDTH, shift=4)
    return drawn == 255, drawn != UNKNOWN


def is_partial(path: Path) -> bool:
    """Whether a gray image has three values: background, object and unknown."""
    try:
        with open_image(path) as opened:
            if opened.mode != "L":
                return False
            opened.load()
            return set(np.unique(np.asarray(opened)).tolist()) == {0, UNKNOWN, 255}
    except DataError:
        return False


def read_partial_mask(path: Path) -> tuple[Mask, Mask]:
    """The mask in a gray image of 0 (background), 255 (object) and 128 (unknown), and the pixels that it speaks of.

    Raises:
        DataError: the file cannot be read, or has other values.
    """
    with open_image(path) as opened:
        opened.load()
        values = np.asarray(opened.convert("L"))
    others = np.setdiff1d(np.unique(values), (0, UNKNOWN, 255))
    if len(others):
        raise DataError(
            f"a partial mask has the values 0, {UNKNOWN} and 255, and this one has "
            f"{listed([str(value) for value in others], 5)}",
            where=path,
            remedy="save background as 0, object as 255 and everything else as 128, as a PNG.",
        )
    return values == 255, values != UNKNOWN

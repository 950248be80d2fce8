"""Weak marks: points, scribbles and boxes that say where the object is, or where it is not."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import cv2
import numpy as np
from jaxtyping import UInt8

from handful.errors import DataError

Kind = Literal["point", "scribble", "box"]
MOST_MARKS, MOST_POINTS = 1000, 20_000
NOTHING, OBJECT, BACKGROUND = 0, 1, 2


@dataclass(frozen=True)
class Mark:
    """One mark. `points` are x, y in pixels: one, a line's, or two corners of a box; `width` is a line's, in pixels."""

    kind: Kind
    points: tuple[tuple[float, float], ...]
    foreground: bool = True
    width: float = 1.0

    def as_json(self) -> dict[str, Any]:
        """Plain values, as `read_marks` takes them."""
        return {
            "kind": self.kind,
            "points": [list(point) for point in self.points],
            "foreground": self.foreground,
            "width": self.width,
        }


def read_marks(values: object) -> tuple[Mark, ...]:
    """Marks from plain values.

    Raises:
        DataError: they are no marks, or too many.
    """
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) > MOST_MARKS:
        raise DataError(f"not a list of at most {MOST_MARKS} marks", remedy="reload the page.")
    found = tuple(_mark(value) for value in values)
    if sum(len(mark.points) for mark in found) > MOST_POINTS:
        raise DataError(f"the marks have more than {MOST_POINTS} points", remedy="remove some of them.")
    return found


def _mark(value: object) -> Mark:
    try:
        if not isinstance(value, Mapping):
            raise TypeError("not a table")
        kind = str(value["kind"])
        points = tuple((float(x), float(y)) for x, y in value["points"])
        width = float(value.get("width", 1.0))
        fits = {"point": len(points) == 1, "scribble": len(points) >= 1, "box": len(points) == 2}
        if kind not in get_args(Kind) or not fits[kind] or not 0 < width <= 10_000:
            raise ValueError(f"a {kind} of {len(points)} points and width {width}")
        if not all(math.isfinite(c) and abs(c) < 1e6 for point in points for c in point):
            raise ValueError("a coordinate that is not a number")
        return Mark(cast(Kind, kind), points, bool(value.get("foreground", True)), width)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"this is not a mark ({error})", where=str(value)[:80], remedy="reload the page.") from error


def draw_marks(marks: Sequence[Mark], size: tuple[int, int]) -> UInt8[np.ndarray, "h w"]:
    """Where the points and scribbles are: 0 nowhere, 1 object, 2 background. Boxes are left out.

    Args:
        marks: later ones lie over earlier ones.
        size: height and width.
    """
    drawn = np.zeros(size, dtype=np.uint8)
    for mark in marks:
        if mark.kind != "box":
            line = np.array(mark.points if len(mark.points) > 1 else mark.points * 2)  # a line of one point is none
            at = np.rint((line - 0.5) * 16).astype(np.int32).reshape(-1, 1, 2)  # cv2 counts from pixel centres
            value = OBJECT if mark.foreground else BACKGROUND
            cv2.polylines(drawn, [at], False, value, thickness=max(1, round(mark.width)), shift=4)
    return drawn


def box_of(marks: Sequence[Mark], size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of the newest box, in whole pixels within the image; None without one."""
    boxes = [mark for mark in marks if mark.kind == "box"]
    if not boxes:
        return None
    (x1, y1), (x2, y2) = boxes[-1].points
    left, right = sorted((x1, x2))
    top, bottom = sorted((y1, y2))
    h, w = size
    return (
        max(0, math.floor(left)),
        max(0, math.floor(top)),
        min(w, math.ceil(right)),
        min(h, math.ceil(bottom)),
    )

"""Prompts of interactive segmentation: points, scribbles and boxes on the object or on the background."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import cv2
import numpy as np
from jaxtyping import UInt8

from handful.errors import DataError

Kind = Literal["point", "scribble", "box"]
MAX_PROMPTS, MAX_POINTS = 1000, 20_000
NOTHING, OBJECT, BACKGROUND = 0, 1, 2


@dataclass(frozen=True)
class Prompt:
    """A point, scribble or box.

    `points` are x, y in pixels: one point, the points of a scribble, or two corners of a box. `width` is that of a
    scribble, in pixels.
    """

    kind: Kind
    points: tuple[tuple[float, float], ...]
    foreground: bool = True
    width: float = 1.0

    def as_json(self) -> dict[str, Any]:
        """Plain values, as `parse_prompts` takes them."""
        return {
            "kind": self.kind,
            "points": [list(point) for point in self.points],
            "foreground": self.foreground,
            "width": self.width,
        }


def parse_prompts(values: object) -> tuple[Prompt, ...]:
    """Parse prompts from plain values, as `Prompt.as_json` gives them.

    Raises:
        DataError: the values are not prompts, or there are too many.
    """
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) > MAX_PROMPTS:
        raise DataError(f"not a list of at most {MAX_PROMPTS} prompts", remedy="reload the page.")
    prompts = tuple(_parse_prompt(value) for value in values)
    if sum(len(prompt.points) for prompt in prompts) > MAX_POINTS:
        raise DataError(f"the prompts have more than {MAX_POINTS} points", remedy="remove some of them.")
    return prompts


def _parse_prompt(value: object) -> Prompt:
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
        return Prompt(cast(Kind, kind), points, bool(value.get("foreground", True)), width)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"this is not a prompt ({error})", where=str(value)[:80], remedy="reload the page.") from error


def rasterize_prompts(prompts: Sequence[Prompt], size: tuple[int, int]) -> UInt8[np.ndarray, "h w"]:
    """Draw points and scribbles: 0 no prompt, 1 object, 2 background. Boxes are ignored.

    Args:
        prompts: later ones cover earlier ones.
        size: height and width.
    """
    drawn = np.zeros(size, dtype=np.uint8)
    for prompt in prompts:
        if prompt.kind != "box":
            line = np.array(
                prompt.points if len(prompt.points) > 1 else prompt.points * 2
            )  # cv2 draws nothing for a single point
            at = np.rint((line - 0.5) * 16).astype(np.int32).reshape(-1, 1, 2)  # cv2 has pixel centers at whole numbers
            value = OBJECT if prompt.foreground else BACKGROUND
            cv2.polylines(drawn, [at], False, value, thickness=max(1, round(prompt.width)), shift=4)
    return drawn


def newest_box(prompts: Sequence[Prompt], size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of the newest box, in whole pixels within the image; None without one."""
    boxes = [prompt for prompt in prompts if prompt.kind == "box"]
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

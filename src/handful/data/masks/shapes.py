"""Masks of annotation files before they are rasterized, and ellipses and rectangles as polygons."""

import reprlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handful.core.dataset import Mask
from handful.core.left_out import LeftOut
from handful.core.parsing import read_json
from handful.data.masks.polygons import Points
from handful.errors import DataError

MAX_BYTES = 2**29  # of an annotation file; its values take several times as much memory


@dataclass(frozen=True, eq=False)
class Area:
    """A part of an image's mask.

    Attributes:
        mask: its pixels.
        where: position in the file, for errors.
        label: the class that it is said to show; "" if none.
    """

    mask: Mask
    where: str
    label: str = ""


# The areas of an image of h x w pixels, one after another, as each takes memory.
Areas = Callable[[tuple[int, int]], Iterator[Area]]


@dataclass(frozen=True, eq=False)
class Drawing:
    """One image's mask in an annotation file.

    Attributes:
        names: the image's possible names, the likeliest first.
        where: position in the file, for errors.
        size: h and w, if the file states them.
        areas: computes what the mask is made of, which costs time and memory; None: there is no mask.
        left_out: the image's annotations that are not masks.
        boxes: number of its annotations of which only a bounding box is known, and used as the mask.
        source: reads what made the mask, as `Sample.mask_source`.
        partial: computes the mask and the pixels that it speaks of, where points, lines and boxes count; None: it has
            nothing.
    """

    names: tuple[str, ...]
    where: str
    size: tuple[int, int] | None
    areas: Areas | None
    left_out: tuple[LeftOut, ...] = ()
    boxes: int = 0
    source: Callable[[], str] = lambda: "hand"
    partial: Callable[[tuple[int, int]], tuple[Mask, Mask]] | None = None


@dataclass(frozen=True, eq=False)
class Drawings:
    """The masks of an annotation file or folder, and what there is not used whatever the images."""

    drawings: tuple[Drawing, ...]
    left_out: tuple[LeftOut, ...] = ()


def ellipse(x: float, y: float, rx: float, ry: float, degrees: float = 0.0) -> Points:
    """An ellipse around x, y as a polygon of 180 points, rotated clockwise about its center."""
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    return _rotate(np.stack([rx * np.cos(angle), ry * np.sin(angle)], axis=1), degrees, (x, y))


def rectangle(x: float, y: float, width: float, height: float, degrees: float = 0.0) -> Points:
    """A rectangle as a polygon, rotated clockwise about its top left corner x, y."""
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=float)
    return _rotate(corners, degrees, (x, y))


def _rotate(points: Points, degrees: float, center: tuple[float, float]) -> Points:
    a = np.deg2rad(degrees)
    return np.asarray(points @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + np.array(center))


def load_json(path: Path) -> Any:
    """The contents of a JSON file.

    Raises:
        DataError: it cannot be read as JSON.
    """
    try:
        return read_json(path, finite=False, most_bytes=MAX_BYTES)
    except (OSError, ValueError) as error:
        raise DataError(f"not readable as JSON: {error}", where=path, remedy="export the file again.") from error


@contextmanager
def format_errors(where: str, kind: str) -> Iterator[None]:
    """Context that turns any exception on a malformed file into a `DataError` for `where`."""
    try:
        yield
    except DataError:
        raise
    except KeyError as error:
        what = f"not valid {kind}: {error} is missing"
        raise DataError(what, where=where, remedy="export the file again, or fix the entry.") from error
    except Exception as error:  # pycocotools raises a plain Exception on invalid input
        what = f"not valid {kind}: {_shortened(error)}"
        raise DataError(what, where=where, remedy="export the file again, or fix the entry.") from error


def stated_size(height: object, width: object) -> tuple[int, int] | None:
    """The h and w that a file states; None if it leaves one out.

    Raises:
        ValueError: they are not whole numbers above 0.
    """
    if height is None or width is None:
        return None
    numbers = [float(v) for v in (height, width) if isinstance(v, int | float | str)]
    if len(numbers) < 2 or not all(0 < n < 2**31 and n == int(n) for n in numbers):
        raise ValueError(f"height and width are {reprlib.repr(height)} and {reprlib.repr(width)}")
    return int(numbers[0]), int(numbers[1])


def points_of(values: object) -> Points:
    """Points x, y from a list of numbers or of pairs.

    Raises:
        ValueError: it is neither.
    """
    if not isinstance(values, list) or not values:
        raise ValueError("the points are not a list of numbers")
    return np.asarray(values, dtype=float).reshape(-1, 2)


def _shortened(error: Exception) -> str:
    text = str(error)
    return text if len(text) <= 200 else f"{text[:200]}..."

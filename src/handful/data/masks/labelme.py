"""Masks from labelme JSON, one file per image (https://github.com/wkentaro/labelme)."""

import base64
import io
import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handful.core.dataset import Mask
from handful.core.left_out import LeftOut
from handful.data.images import open_image
from handful.data.masks.partial import Mark, is_background, rasterize_marks
from handful.data.masks.polygons import fill
from handful.data.masks.provenance import least_sure, source_of_entry
from handful.data.masks.shapes import Area, Drawing, ellipse, format_errors, load_json, points_of, stated_size

NO_AREA = frozenset(("point", "points", "line", "linestrip"))


def is_labelme(content: Any) -> bool:
    """Whether parsed JSON is a labelme annotation."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list)


def read_labelme(path: Path, root: Path) -> Drawing | None:
    """The polygons, rectangles, circles and masks of a labelme file, with their labels.

    None if it is JSON of another kind. The image is the one at the same path below `root`, otherwise the
    one named in `imagePath`. Points and lines have no area and are left out.

    Raises:
        DataError: the file is not valid labelme JSON.
    """
    with format_errors(str(path), "labelme JSON"):
        content = load_json(path)
        if not is_labelme(content):
            return None
        size = stated_size(content.get("imageHeight"), content.get("imageWidth"))
        kinds = [s.get("shape_type") or "polygon" for s in content["shapes"]]
        all_shapes = content["shapes"]
        shapes = [s for s, kind in zip(content["shapes"], kinds, strict=True) if kind not in NO_AREA]
        image = str(content.get("imagePath") or "").replace("\\", "/")
        folder = path.relative_to(root).parent
        suffix = image[image.rfind(".") :] if "." in image else ""
        names = (
            str((folder / f"{path.stem}{suffix}").as_posix()),
            (folder / image.split("/")[-1]).as_posix(),
        )
    others = tuple(f"{path.relative_to(root).as_posix()} ({kind})" for kind in kinds if kind in NO_AREA)
    left_out = (LeftOut("points and lines in labelme files", others, "draw a shape with an area"),) if others else ()

    def areas(size: tuple[int, int]) -> Iterator[Area]:
        for number, shape in enumerate(shapes, start=1):
            where = f"{path}: shape {number}"
            with format_errors(where, "labelme JSON"):
                mask = _shape(shape, size, where)
            yield Area(mask, where, str(shape.get("label") or ""))

    def partial(size: tuple[int, int]) -> tuple[Mask, Mask]:
        with format_errors(str(path), "labelme JSON"):
            return rasterize_marks([_mark(shape, f"{path}: shape {i}") for i, shape in enumerate(all_shapes, 1)], size)

    return Drawing(
        names if image else names[:1],
        str(path),
        size,
        areas if shapes else None,
        left_out,
        source=lambda: least_sure(source_of_entry(s) for s in shapes),
        partial=partial if all_shapes else None,
    )


def _mark(shape: dict[str, Any], where: str) -> Mark:
    """A shape as a mark of a partial mask."""
    kind = shape.get("shape_type") or "polygon"
    if kind in NO_AREA:
        return Mark(points_of(shape["points"]), foreground=not is_background(shape.get("label")))
    if kind == "rectangle":
        (x1, y1), (x2, y2) = points_of(shape["points"])
        return Mark(np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)]), is_box=True)
    return Mark(area=lambda size: _shape(shape, size, where))


def _shape(shape: dict[str, Any], size: tuple[int, int], where: str) -> Mask:
    points = points_of(shape["points"])
    kind = shape.get("shape_type") or "polygon"
    if kind in ("polygon", "oriented_rectangle"):
        return fill([points], size)
    if kind == "rectangle":
        (x1, y1), (x2, y2) = points
        return fill([np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])], size)
    if kind == "circle":  # center, then a point on the circle
        if len(points) != 2:
            raise ValueError("a circle needs its center and a point on it")
        radius = float(np.hypot(*(points[1] - points[0])))
        return fill([ellipse(points[0, 0], points[0, 1], radius, radius)], size)
    if kind == "mask":  # corners of the box, both inside it, and a PNG of the box
        return _paste(base64.b64decode(str(shape["mask"])), points, size, where)
    raise ValueError(f"unknown shape type {reprlib.repr(kind)}")


def _paste(png: bytes, points: np.ndarray, size: tuple[int, int], where: str) -> Mask:
    with open_image(io.BytesIO(png), where=where) as picture:
        h, w = picture.height, picture.width
        small = np.asarray(picture.convert("L")) > 0 if h <= size[0] and w <= size[1] else None
    if not np.isfinite(points).all():
        raise ValueError("the corners of a mask are not finite")
    left, top = (int(v) for v in points[0])
    if small is None or left < 0 or top < 0 or top + h > size[0] or left + w > size[1]:
        raise ValueError(f"a mask of {h}x{w} at row {top}, column {left} reaches over the image's edge")
    mask = np.zeros(size, dtype=bool)
    mask[top : top + h, left : left + w] = small
    return mask

"""Masks from labelme JSON, one file per image (https://github.com/wkentaro/labelme)."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture

from handful.core.dataset import Mask
from handful.data.masks.polygons import fill
from handful.data.masks.shapes import Drawing, ellipse, format_errors, load_json

NO_AREA = frozenset(("point", "points", "line", "linestrip"))


def is_labelme(content: Any) -> bool:
    """Whether parsed JSON is a labelme annotation."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list)


def read_labelme(path: Path, root: Path) -> Drawing | None:
    """The union of a labelme file's polygons, rectangles, circles and masks, whatever their label.

    None if it has none, or is JSON of another kind. The image is the one at the same path below `root`, otherwise the
    one named in `imagePath`. Points and lines have no area and are ignored.

    Raises:
        DataError: the file is not valid labelme JSON.
    """
    with format_errors(str(path), "labelme JSON"):
        content = load_json(path)
        if not is_labelme(content):
            return None
        size = (int(content["imageHeight"]), int(content["imageWidth"]))
        shapes = [s for s in content["shapes"] if s.get("shape_type", "polygon") not in NO_AREA]
        image = str(content["imagePath"]).replace("\\", "/")
        folder = path.relative_to(root).parent
        suffix = image[image.rfind(".") :] if "." in image else ""
        names = (
            str((folder / f"{path.stem}{suffix}").as_posix()),
            (folder / image.split("/")[-1]).as_posix(),
        )
    if not shapes:
        return None

    def rasterize() -> Mask:
        mask = np.zeros(size, dtype=bool)
        for number, shape in enumerate(shapes, start=1):
            with format_errors(f"{path}: shape {number}", "labelme JSON"):
                mask |= _shape(shape, size)
        return mask

    return Drawing(names, str(path), size, rasterize)


def _shape(shape: dict[str, Any], size: tuple[int, int]) -> Mask:
    points = np.asarray(shape["points"], dtype=float).reshape(-1, 2)
    kind = shape.get("shape_type", "polygon")
    if kind in ("polygon", "oriented_rectangle"):
        return fill([points], size)
    if kind == "rectangle":
        (x1, y1), (x2, y2) = points
        return fill([np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])], size)
    if kind == "circle":  # center, then a point on the circle
        radius = float(np.hypot(*(points[1] - points[0])))
        return fill([ellipse(points[0, 0], points[0, 1], radius, radius)], size)
    if kind == "mask":  # corners of the box, both inside it, and a PNG of the box
        return _paste(base64.b64decode(shape["mask"]), points, size)
    raise ValueError(f"unknown shape type {kind!r}")


def _paste(png: bytes, points: np.ndarray, size: tuple[int, int]) -> Mask:
    with Picture.open(io.BytesIO(png)) as picture:
        small = np.asarray(picture.convert("L")) > 0
    left, top = (int(v) for v in points[0])
    h, w = small.shape
    if left < 0 or top < 0 or top + h > size[0] or left + w > size[1]:
        raise ValueError(f"a mask of {h}x{w} at row {top}, column {left} reaches over the image's edge")
    mask = np.zeros(size, dtype=bool)
    mask[top : top + h, left : left + w] = small
    return mask

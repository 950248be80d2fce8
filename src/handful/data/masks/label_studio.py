"""Masks from a Label Studio JSON export (https://labelstud.io/guide/export): brush, polygon, rectangle, ellipse."""

import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from label_studio_brush_rle_rs import decode_rle

from handful.core.dataset import Mask
from handful.data.masks.names import IMAGE_SUFFIXES
from handful.data.masks.polygons import fill
from handful.data.masks.shapes import Drawing, ellipse, format_errors, load_json, rectangle

UPLOAD = re.compile(r"^[0-9a-f]{8}-(?=.)")


def is_label_studio(content: Any) -> bool:
    """Whether parsed JSON is a full Label Studio export (not the short "JSON-MIN")."""
    return isinstance(content, list) and all(
        isinstance(t, dict) and "data" in t and "annotations" in t for t in content
    )


def read_label_studio(path: Path) -> list[Drawing]:
    """One drawing per task with regions: the union of one annotation's regions, whatever their label.

    Of several annotations of a task, the ground truth is used, otherwise the newest; cancelled ones and predictions
    never. Uploads prefix a file's name with eight hex digits and a hyphen: the full name is looked up first, then the
    name without the prefix.

    Raises:
        DataError: an entry is not valid Label Studio JSON; names the task.
    """
    drawings = []
    for number, task in enumerate(load_json(path)):
        where = f"{path}: task {task.get('id', number)}"
        with format_errors(where, "Label Studio JSON"):
            regions = _regions(task)
            if regions:
                sizes = {(int(r["original_height"]), int(r["original_width"])) for r in regions}
                if len(sizes) > 1:
                    raise ValueError(f"its regions are for images of different sizes: {sorted(sizes)}")
                drawings.append(_drawing(where, _names(task["data"]), regions, sizes.pop()))
    return drawings


def _regions(task: dict[str, Any]) -> list[dict[str, Any]]:
    valid = [a for a in task["annotations"] if not a.get("was_cancelled")]
    if not valid:
        return []
    best = max(valid, key=lambda a: (bool(a.get("ground_truth")), str(a.get("updated_at") or a.get("created_at"))))
    known = ("brush", "polygon", "rectangle", "ellipse")
    return [r for r in best["result"] if str(r.get("type", "")).removesuffix("labels") in known]


def _names(data: dict[str, Any]) -> tuple[str, ...]:
    texts = [str(data["image"])] if "image" in data else [v for v in data.values() if isinstance(v, str)]
    for text in texts:
        parts = urlsplit(text)
        path = unquote(parse_qs(parts.query).get("d", [parts.path])[0]).lstrip("/")  # ?d=: local file storage
        if PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES:
            base = PurePosixPath(path).name
            return (path, base, UPLOAD.sub("", base)) if "upload/" in path else (path,)
    raise ValueError("none of the task's data is the name of an image file")


def _drawing(where: str, names: tuple[str, ...], regions: list[dict[str, Any]], size: tuple[int, int]) -> Drawing:
    def rasterize() -> Mask:
        mask = np.zeros(size, dtype=bool)
        for region in regions:
            with format_errors(f"{where}, region {region.get('id')}", "Label Studio JSON"):
                mask |= _region(region, size)
        return mask

    return Drawing(names, f"{where} ({names[-1]})", size, rasterize)


def _region(region: dict[str, Any], size: tuple[int, int]) -> Mask:
    if region.get("image_rotation"):
        raise ValueError("the image was turned while it was annotated; turn it back to 0 degrees and export again")
    value, kind = region["value"], str(region["type"]).removesuffix("labels")
    h, w = size
    if kind == "brush":
        return _brush(bytes(value["rle"]), size)
    scale = np.array([w, h]) / 100  # coordinates are percentages of the width and the height
    if kind == "polygon":
        return fill([np.asarray(value["points"], dtype=float).reshape(-1, 2) * scale], size)
    turn = float(value.get("rotation", 0))
    x, y = float(value["x"]) * w / 100, float(value["y"]) * h / 100
    if kind == "ellipse":
        radii = float(value["radiusX"]) * w / 100, float(value["radiusY"]) * h / 100
        return fill([ellipse(x, y, *radii, turn)], size)
    return fill([rectangle(x, y, float(value["width"]) * w / 100, float(value["height"]) * h / 100, turn)], size)


def _brush(runs: bytes, size: tuple[int, int]) -> Mask:
    """Mask from run lengths of a flat RGBA image, preceded by its length; foreground is where alpha is not zero."""
    h, w = size
    length = int.from_bytes(runs[:4], "big")
    if length != h * w * 4:
        raise ValueError(f"the brush covers {length // 4} pixels and the image has {h * w}")
    return np.asarray(decode_rle(list(runs), False).reshape(h, w, 4)[..., 3] > 0)

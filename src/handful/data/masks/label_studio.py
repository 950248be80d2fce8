"""Masks from a Label Studio JSON export (https://labelstud.io/guide/export): regions that have an area."""

import base64
import reprlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from jaxtyping import Float
from label_studio_brush_rle_rs import decode_rle

from handful.core.dataset import Mask
from handful.core.left_out import LeftOut
from handful.data.masks.image_file import mask_from_bytes
from handful.data.masks.names import IMAGE_SUFFIXES, UPLOAD
from handful.data.masks.partial import Mark, is_background, rasterize_marks
from handful.data.masks.polygons import Points, fill
from handful.data.masks.provenance import least_sure, source_of_entry
from handful.data.masks.shapes import (
    Area,
    Drawing,
    Drawings,
    ellipse,
    format_errors,
    load_json,
    points_of,
    rectangle,
    stated_size,
)

KEYPOINT = "keypoint"
AREAS = frozenset(("brush", "bitmask", "polygon", "rectangle", "ellipse", "vector"))
# Labels of the whole image, which are not regions, and relations between regions.
LABELS = frozenset(
    ("choices", "taxonomy", "rating", "textarea", "number", "datetime", "pairwise", "relation", "ranker")
)
DRAW = "draw a region with an area: brush, bitmask, polygon, rectangle, ellipse or closed vector"


def is_label_studio(content: Any) -> bool:
    """Whether parsed JSON is a full Label Studio export (not the short "JSON-MIN")."""
    return isinstance(content, list) and all(
        isinstance(t, dict) and "data" in t and "annotations" in t for t in content
    )


def read_label_studio(path: Path) -> Drawings:
    """One drawing per task with regions: those of one annotation, with their labels.

    Of several annotations of a task, the ground truth is used, otherwise the newest; cancelled ones and predictions
    never. Uploads prefix a file's name with eight hex digits and a hyphen: the full name is looked up first, then the
    name without the prefix.

    Raises:
        DataError: an entry is not valid Label Studio JSON; names the task.
    """
    drawings, older = [], []
    for number, task in enumerate(load_json(path)):
        where = f"{path}: task {reprlib.repr(task.get('id', number)).strip(chr(39))}"
        with format_errors(where, "Label Studio JSON"):
            results, unused = results_of(task)
            older += [f"task {reprlib.repr(task.get('id', number))}"] * unused
            regions = [r for r in results if _kind(r) in AREAS and not _is_open(r)]
            others = tuple(f"{where} ({_kind(r)})" for r in results if r not in regions and _kind(r) not in LABELS)
            if not regions and not others:
                continue
            sizes = {stated_size(r.get("original_height"), r.get("original_width")) for r in regions} - {None}
            if len(sizes) > 1:
                raise ValueError(f"its regions are for images of different sizes: {sorted(s for s in sizes if s)}")
            left_out = (LeftOut("Label Studio regions without an area", others, DRAW),) if others else ()
            size = next(iter(sizes), None)
            marked = [r for r in results if _kind(r) in AREAS or _kind(r) == KEYPOINT]
            drawings.append(_drawing(where, image_names(task["data"]), regions, marked, size, left_out))
    kind = "Label Studio annotations that were cancelled, or of which a newer one or the ground truth is used"
    remedy = "delete them, or mark the right one as ground truth"
    return Drawings(tuple(drawings), (LeftOut(kind, tuple(older), remedy),) if older else ())


def results_of(task: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """The regions and choices of the annotation that counts, and how many annotations with regions do not."""
    valid = [a for a in task["annotations"] if not a.get("was_cancelled")]
    drawn = sum(bool(a.get("result")) for a in task["annotations"])
    if not valid:
        return [], drawn
    best = max(valid, key=lambda a: (bool(a.get("ground_truth")), str(a.get("updated_at") or a.get("created_at"))))
    return list(best["result"]), drawn - bool(best["result"])


def _kind(region: dict[str, Any]) -> str:
    return str(region.get("type", ""))[:40].removesuffix("labels")


def _is_open(region: dict[str, Any]) -> bool:
    """Whether a region is a vector that is a line."""
    return _kind(region) == "vector" and not region["value"].get("closed")


def image_names(data: dict[str, Any]) -> tuple[str, ...]:
    """Possible paths of a task's image, the likeliest first: as named, and without an upload's folder and prefix.

    Raises:
        ValueError: none of the task's data is the name of an image file.
    """
    texts = [str(data["image"])] if "image" in data else [v for v in data.values() if isinstance(v, str)]
    for text in texts:
        parts = urlsplit(text)
        path = unquote(parse_qs(parts.query).get("d", [parts.path])[0]).lstrip("/")  # ?d=: local file storage
        if PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES:
            base = PurePosixPath(path).name
            return (path, base, UPLOAD.sub("", base)) if "upload/" in path else (path,)
    raise ValueError("none of the task's data is the name of an image file")


def _drawing(
    where: str,
    names: tuple[str, ...],
    regions: list[dict[str, Any]],
    marked: list[dict[str, Any]],
    size: tuple[int, int] | None,
    left_out: tuple[LeftOut, ...],
) -> Drawing:
    def areas(size: tuple[int, int]) -> Iterator[Area]:
        for region in regions:
            name = f"{where}, region {reprlib.repr(region.get('id'))}"
            with format_errors(name, "Label Studio JSON"):
                area = Area(_region(region, size, name), name, _label(region))
            yield area

    def partial(size: tuple[int, int]) -> tuple[Mask, Mask]:
        with format_errors(where, "Label Studio JSON"):
            return rasterize_marks([_mark(region, size, where) for region in marked], size)

    return Drawing(
        names,
        f"{where} ({names[-1]})",
        size,
        areas if regions else None,
        left_out,
        source=lambda: least_sure(source_of_entry(region.get("meta")) for region in regions),
        partial=partial if marked else None,
    )


def _label(region: dict[str, Any]) -> str:
    """The one label of a region; "" if it has none, or several."""
    labels = next((v for key, v in region["value"].items() if key.endswith("labels") and isinstance(v, list)), [])
    return str(labels[0]) if len(labels) == 1 else ""


def _mark(region: dict[str, Any], size: tuple[int, int], where: str) -> Mark:
    """A region as a mark of a partial mask."""
    value, kind = region["value"], _kind(region)
    scale = np.array([size[1], size[0]]) / 100
    if kind == KEYPOINT:
        is_object = not any(is_background(label) for label in value.get("keypointlabels", ()))
        return Mark(points_of([value["x"], value["y"]]) * scale, foreground=is_object)
    if kind == "vector" and _is_open(region):
        return Mark(_vector(value["vertices"]) * scale)
    if kind == "rectangle" and not region.get("image_rotation"):
        left, top, width, height = (float(value[key]) for key in ("x", "y", "width", "height"))
        corners = rectangle(*(np.array([left, top]) * scale), *(np.array([width, height]) * scale))
        return Mark(corners, is_box=True)
    return Mark(area=lambda size: _region(region, size, where))


def _region(region: dict[str, Any], size: tuple[int, int], where: str) -> Mask:
    if region.get("image_rotation"):
        raise ValueError("the image was turned while it was annotated; turn it back to 0 degrees and export again")
    value, kind = region["value"], _kind(region)
    h, w = size
    if kind == "brush":
        if not isinstance(value["rle"], list):
            raise ValueError("the run lengths are not a list")
        return _brush(bytes(value["rle"]), size)
    if kind == "bitmask":
        return _bitmask(str(value["imageDataURL"]), size, where)
    scale = np.array([w, h]) / 100  # coordinates are percentages of the width and the height
    if kind == "polygon":
        return fill([points_of(value["points"]) * scale], size)
    if kind == "vector":
        return fill([_vector(value["vertices"]) * scale], size)
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


def _bitmask(url: str, size: tuple[int, int], where: str) -> Mask:
    """Mask from a PNG of black pixels on a transparent background, as a data URL."""
    head, comma, content = url.partition(",")
    if not comma or not head.startswith("data:image/"):
        raise ValueError("the bitmask is not a data URL of an image")
    mask = mask_from_bytes(base64.b64decode(content), where=where, size=size)
    if mask.shape != size:
        raise ValueError(f"the bitmask is {mask.shape[0]}x{mask.shape[1]} and the image {size[0]}x{size[1]}")
    return mask


def _vector(vertices: list[dict[str, Any]]) -> Points:
    """The outline of a closed vector; curves are cubic Bezier curves, by 16 points each."""
    points = []
    for number, start in enumerate(vertices):
        end = vertices[(number + 1) % len(vertices)]
        first, last = points_of([start["x"], start["y"]])[0], points_of([end["x"], end["y"]])[0]
        points.append(first)
        if start.get("isBezier") or end.get("isBezier"):
            leaving = _control(start, "controlPoint2") if start.get("isBezier") else first
            arriving = _control(end, "controlPoint1") if end.get("isBezier") else last
            for t in np.arange(1, 16) / 16:
                weights = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3
                points.append(sum(w * p for w, p in zip(weights, (first, leaving, arriving, last), strict=True)))
    return np.array(points, dtype=float).reshape(-1, 2)


def _control(vertex: dict[str, Any], name: str) -> Float[np.ndarray, " 2"]:
    point = vertex[name]
    return np.asarray(points_of([point["x"], point["y"]])[0])

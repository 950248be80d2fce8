"""Masks from COCO JSON: polygons and run lengths (https://cocodataset.org/#format-data)."""

import reprlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from handful.core.dataset import Mask
from handful.core.left_out import LeftOut
from handful.data.masks.partial import Mark, rasterize_marks
from handful.data.masks.polygons import Points, fill
from handful.data.masks.provenance import least_sure, source_of_entry
from handful.data.masks.run_lengths import mask_of_runs, parse_run_lengths
from handful.data.masks.shapes import (
    Area,
    Drawing,
    Drawings,
    format_errors,
    load_json,
    points_of,
    rectangle,
    stated_size,
)

NO_OUTLINE = "export them with polygons or run lengths if they should be masks"


def is_coco(content: Any) -> bool:
    """Whether parsed JSON is a COCO data set."""
    return isinstance(content, dict) and isinstance(content.get("images"), list) and "annotations" in content


def read_coco(path: Path) -> Drawings:
    """One drawing per image that has annotations: all of them, each with the name of its category.

    Where an annotation has a box and no segmentation, the box is its mask. Images whose id another image has are left
    out, as annotations name their image by id.

    Raises:
        DataError: an entry is not valid COCO; names it.
    """
    content = load_json(path)
    with format_errors(str(path), "COCO JSON"):
        grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for annotation in content["annotations"]:
            grouped[key_of(annotation["image_id"])].append(annotation)
        categories = {str(c.get("id")): str(c.get("name", "")) for c in content.get("categories") or ()}
        images: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for image in content["images"]:
            images[key_of(image["id"])].append(image)
        unknown = [annotations[0]["image_id"] for key, annotations in grouped.items() if key not in images]
        if unknown:
            raise ValueError(f"annotations of image id {unknown[0]!r}, which is not among the images")
        drawings, twice = [], []
        for key, annotations in grouped.items():
            names = dict.fromkeys(str(image["file_name"]) for image in images[key])
            if len(names) > 1:
                twice += list(names)
            else:
                drawings.append(_drawing(path, images[key][0], annotations, categories))
    kind, remedy = "annotated images that share their id in the COCO file", "give each image an id of its own"
    return Drawings(tuple(drawings), (LeftOut(kind, tuple(twice), remedy),) if twice else ())


def key_of(value: object) -> str:
    """An id, which may be a number in one place and text in another, as text.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int | str) or value == "":
        raise ValueError(f"{reprlib.repr(value)} is not an id")
    return str(value)


def _drawing(
    path: Path, image: dict[str, Any], annotations: list[dict[str, Any]], categories: Mapping[str, str]
) -> Drawing:
    name = str(image["file_name"])
    with format_errors(f"{path}: {name}", "COCO JSON"):
        size = stated_size(image.get("height"), image.get("width"))
    masks = [a for a in annotations if a.get("segmentation") not in (None, [], {}) or _box_of(a) is not None]
    masks += [a for a in annotations if a.get("segmentation") == [] and _box_of(a) is None]  # damaged
    others = tuple(f"annotation {reprlib.repr(a.get('id'))} of {name}" for a in annotations if a not in masks)
    boxes = sum(a.get("segmentation") in (None, [], {}) and _box_of(a) is not None for a in annotations)

    def areas(size: tuple[int, int]) -> Iterator[Area]:
        for annotation in masks:
            where = f"{path}: annotation {reprlib.repr(annotation.get('id'))} of {name}"
            with format_errors(where, "COCO JSON"):
                box = _box_of(annotation)
                if box is not None and annotation.get("segmentation") in (None, [], {}):
                    mask = fill([_corners(box)], size)
                else:
                    mask = decode(annotation["segmentation"], size)
            yield Area(mask, where, categories.get(str(annotation.get("category_id")), ""))

    left_out = LeftOut("COCO annotations without a segmentation or a box", others, NO_OUTLINE)
    marked = [a for a in annotations if a in masks or a.get("keypoints")]

    def partial(size: tuple[int, int]) -> tuple[Mask, Mask]:
        with format_errors(f"{path}: {name}", "COCO JSON"):
            return rasterize_marks([mark for a in marked for mark in _marks(a)], size)

    return Drawing(
        (name,),
        f"{path}: {name}",
        size,
        areas if masks else None,
        (left_out,) if others else (),
        boxes,
        source=lambda: least_sure(source_of_entry(a) for a in masks),
        partial=partial if marked else None,
    )


def _marks(annotation: dict[str, Any]) -> list[Mark]:
    """An annotation as marks of a partial mask: its segmentation, otherwise its box; and its labelled keypoints."""
    marks = []
    box = _box_of(annotation)
    if annotation.get("segmentation") not in (None, [], {}):
        marks.append(Mark(area=lambda size: decode(annotation["segmentation"], size)))
    elif box is not None:
        marks.append(Mark(_corners(box), is_box=True))
    keypoints = np.asarray(annotation.get("keypoints") or [], dtype=float).reshape(-1, 3)
    return [*marks, *(Mark(np.array([[x, y]])) for x, y, visible in keypoints if visible > 0)]


def _box_of(annotation: dict[str, Any]) -> object:
    return annotation.get("bbox") or None


def _corners(box: object) -> Points:
    left, top, width, height = points_of(box).ravel()
    return rectangle(left, top, width, height)


def decode(segmentation: Any, size: tuple[int, int]) -> Mask:
    """One annotation's mask, h x w.

    Raises:
        ValueError: it is neither polygons nor run lengths, or its runs do not cover exactly h x w pixels.
    """
    if isinstance(segmentation, list):
        if not segmentation:
            raise ValueError("the segmentation is empty")
        return fill([points_of(p) for p in segmentation], size)
    if not isinstance(segmentation, dict):
        raise ValueError("the segmentation is neither polygons nor run lengths")
    h, w = size
    if stated_size(*segmentation["size"]) != (h, w):
        stated = reprlib.repr(segmentation["size"])
        raise ValueError(f"the run lengths are for {stated} and the image is {[h, w]} (h, w)")
    counts = segmentation["counts"]
    if isinstance(counts, list):
        runs = [int(c) for c in counts]
    elif isinstance(counts, str):
        runs = parse_run_lengths(counts.encode("ascii"))
    else:
        raise ValueError("the run lengths are neither a list nor a text")
    return mask_of_runs(runs, (h, w))

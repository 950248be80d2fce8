"""Masks from COCO JSON: polygons and run lengths (https://cocodataset.org/#format-data)."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from handful.core.dataset import Mask
from handful.data.masks.polygons import fill
from handful.data.masks.shapes import Drawing, format_errors, load_json


def is_coco(content: Any) -> bool:
    """Whether parsed JSON is a COCO data set."""
    return isinstance(content, dict) and isinstance(content.get("images"), list) and "annotations" in content


def read_coco(path: Path) -> list[Drawing]:
    """One drawing per image that has annotations: the union of all, whatever their category.

    Raises:
        DataError: an entry is not valid COCO, e.g. has no segmentation; names it.
    """
    content = load_json(path)
    with format_errors(str(path), "COCO JSON"):
        grouped: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for annotation in content["annotations"]:
            grouped[annotation["image_id"]].append(annotation)
        drawings = []
        for image in content["images"]:
            if image["id"] in grouped:
                drawings.append(_drawing(path, image, grouped.pop(image["id"])))
        if grouped:
            raise ValueError(f"annotations of image id {next(iter(grouped))!r}, which is not among the images")
    return drawings


def _drawing(path: Path, image: dict[str, Any], annotations: list[dict[str, Any]]) -> Drawing:
    size = (int(image["height"]), int(image["width"]))
    name = str(image["file_name"])

    def rasterize() -> Mask:
        mask = np.zeros(size, dtype=bool)
        for annotation in annotations:
            with format_errors(f"{path}: annotation {annotation.get('id')} of {name}", "COCO JSON"):
                mask |= decode(annotation["segmentation"], size)
        return mask

    return Drawing((name,), f"{path}: {name}", size, rasterize)


def decode(segmentation: Any, size: tuple[int, int]) -> Mask:
    """One annotation's mask, h x w.

    Raises:
        ValueError: it is neither polygons nor run lengths, or its runs do not cover exactly h x w pixels.
    """
    if isinstance(segmentation, list):
        if not segmentation:
            raise ValueError("the segmentation is empty")
        return fill([np.asarray(p, dtype=float).reshape(-1, 2) for p in segmentation], size)
    if not isinstance(segmentation, dict):
        raise ValueError("the segmentation is neither polygons nor run lengths")
    h, w = size
    if [int(x) for x in segmentation["size"]] != [h, w]:
        raise ValueError(f"the run lengths are for {segmentation['size']} and the image is {[h, w]} (h, w)")
    counts = segmentation["counts"]
    if isinstance(counts, list):
        runs = [int(c) for c in counts]
    else:
        runs = _run_lengths(counts.encode("ascii") if isinstance(counts, str) else bytes(counts))
    # pycocotools returns uninitialized memory if the runs are too short, so their sum is checked first.
    if min(runs, default=0) < 0 or sum(runs) != h * w:
        raise ValueError(f"the run lengths cover {sum(runs)} pixels and the image has {h * w}")
    rle = coco_mask.frPyObjects({"size": [h, w], "counts": runs}, h, w)
    return np.asarray(coco_mask.decode(rle) > 0)


def _run_lengths(text: bytes) -> list[int]:
    """COCO's compressed counts: 5 bits per character, low bits first; from the third on, relative to two before."""
    runs: list[int] = []
    value = shift = 0
    for byte in text:
        digit = byte - 48
        if not 0 <= digit < 64:
            raise ValueError("the compressed run lengths hold a character that COCO does not use")
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            value -= (1 << shift) if digit & 16 else 0
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift:
        raise ValueError("the compressed run lengths end too early")
    return runs

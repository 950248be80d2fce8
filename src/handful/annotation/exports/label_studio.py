"""Label Studio JSON (https://labelstud.io/guide/export): brushes or polygons, and the classes as choices."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from label_studio_brush_rle_rs import encode_rle

from handful.annotation.exports.outline import outlines as outline
from handful.core.dataset import Dataset, Mask, Sample
from handful.core.files import write_atomically
from handful.data.images import sample_size
from handful.data.masks.provenance import source_entry
from handful.data.multilabel import NOTHING

OBJECT = "object"


def write(data: Dataset, path: Path, root: Path, *, outlines: bool = False) -> int:  # noqa: ARG001
    """Write one JSON file of tasks, one for each image with a mask or label; returns how many have a mask.

    Images are named as Label Studio's local file storage names them: `/data/local-files/?d=cat/001.jpg`. Regions bear
    the image's class, or "object" where it has none. Choices cannot say that a class is unknown: an image of several
    labels is written where all its classes are known.
    """
    tasks = []
    for number, sample in enumerate(data.samples, start=1):
        if sample.mask is not None or _is_labelled(sample):
            tasks.append(_task(sample, data, number, outlines=outlines))
    with write_atomically(path) as draft:
        draft.write_text(json.dumps(tasks, ensure_ascii=False), encoding="utf-8")
    return sum(s.mask is not None for s in data.samples)


def _is_labelled(sample: Sample) -> bool:
    if sample.target is not None:
        return not bool(np.isnan(sample.target).any())
    return sample.label is not None


def _task(sample: Sample, data: Dataset, number: int, *, outlines: bool) -> dict[str, Any]:
    size = sample_size(sample)
    name = None if sample.label is None else data.classes[sample.label]
    names = [] if name is None else [name]
    if sample.target is not None:
        names = [shown for shown, value in zip(data.classes, sample.target, strict=True) if value == 1] or [NOTHING]
    result: list[dict[str, Any]] = []
    if sample.mask is not None:
        shapes = _polygons(sample.mask, name or OBJECT) if outlines else [_brush(sample.mask, name or OBJECT)]
        made = source_entry(sample.mask_source)
        meta = {"meta": made} if made else {}
        result += [_region({**shape, **meta}, size, f"{number}-{i}") for i, shape in enumerate(shapes)]
    if names:
        choice = {"type": "choices", "from_name": "class", "value": {"choices": names}}
        result.append({"id": f"{number}-class", "to_name": "image", **choice})
    annotation = {"id": number, "result": result, "was_cancelled": False, "ground_truth": False}
    return {"id": number, "data": {"image": f"/data/local-files/?d={quote(sample.id)}"}, "annotations": [annotation]}


def _region(shape: dict[str, Any], size: tuple[int, int], name: str) -> dict[str, Any]:
    h, w = size
    return {"id": name, "to_name": "image", "original_width": w, "original_height": h, "image_rotation": 0, **shape}


def _brush(mask: Mask, label: str) -> dict[str, Any]:
    """Run lengths of a flat RGBA picture whose alpha is the mask."""
    flat = np.repeat(mask.astype(np.uint8) * 255, 4).ravel()
    value = {"format": "rle", "rle": [int(v) for v in encode_rle(flat, 8, [3, 4, 8, 16])], "brushlabels": [label]}
    return {"type": "brushlabels", "from_name": "brush", "value": value}


def _polygons(mask: Mask, label: str) -> list[dict[str, Any]]:
    """Points in per cent of the width and of the height."""
    h, w = mask.shape
    shapes = []
    for points in outline(mask):
        scaled = [[100 * x / w, 100 * y / h] for x, y in points]
        value = {"points": scaled, "closed": True, "polygonlabels": [label]}
        shapes.append({"type": "polygonlabels", "from_name": "polygon", "value": value})
    return shapes

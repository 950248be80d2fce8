"""labelme JSON, one file per image (https://github.com/wkentaro/labelme): its `mask` shape, or polygons."""

import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture

from handful.annotation.exports.outline import outlines as outline
from handful.core.dataset import Dataset, Mask, Sample
from handful.core.files import safe_path, write_atomically
from handful.data.images import sample_size
from handful.data.masks.provenance import source_entry

VERSION = "5.5.0"  # of labelme whose format this is
UNKNOWN = "unlabelled"


def write(data: Dataset, path: Path, root: Path, *, outlines: bool = False) -> int:
    """Write a folder of JSON files that mirrors the images, one for each that has a mask; returns how many."""
    masked = [s for s in data.samples if s.mask is not None]
    path.mkdir(parents=True, exist_ok=True)
    folder = path.resolve()
    taken: set[Path] = set()
    for sample in masked:
        file = safe_path(folder, sample.id).with_suffix(".json")
        if file in taken:  # cat/1.png beside cat/1.jpg
            file = safe_path(folder, f"{sample.id}.json")
        taken.add(file)
        content = _content(sample, data, root / sample.id, file.parent, outlines=outlines)
        with write_atomically(file) as draft:
            draft.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    return len(masked)


def _content(sample: Sample, data: Dataset, image: Path, folder: Path, *, outlines: bool) -> dict[str, Any]:
    assert sample.mask is not None
    h, w = sample_size(sample)
    name = UNKNOWN if sample.label is None else data.classes[sample.label]
    try:
        image_path = os.path.relpath(image, folder)
    except ValueError:  # another drive
        image_path = str(image)
    shape: dict[str, Any] = {
        "label": name,
        "group_id": None,
        "description": "",
        "flags": {},
        **source_entry(sample.mask_source),
    }
    if outlines:
        polygons = [[[float(x), float(y)] for x, y in points] for points in outline(sample.mask)]
        shapes = [{**shape, "points": points, "shape_type": "polygon", "mask": None} for points in polygons]
    else:
        shapes = [{**shape, "shape_type": "mask", **_cut(sample.mask)}]
    return {
        "version": VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": image_path.replace("\\", "/"),
        "imageData": None,
        "imageHeight": h,
        "imageWidth": w,
    }


def _cut(mask: Mask) -> dict[str, Any]:
    """The corners of the mask's box, both inside it, and the box as a PNG."""
    rows, columns = np.nonzero(mask)
    top, bottom, left, right = int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())
    file = io.BytesIO()
    Picture.fromarray(mask[top : bottom + 1, left : right + 1].astype(np.uint8) * 255).save(file, format="PNG")
    return {
        "points": [[float(left), float(top)], [float(right), float(bottom)]],
        "mask": base64.b64encode(file.getvalue()).decode("ascii"),
    }

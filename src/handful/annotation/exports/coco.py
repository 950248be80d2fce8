"""COCO JSON (https://cocodataset.org/#format-data): one annotation per image, as run lengths or as polygons."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask

from handful.annotation.exports.outline import outlines as outline
from handful.core.dataset import Dataset, Sample
from handful.core.files import write_atomically
from handful.data.images import sample_size
from handful.data.masks.provenance import source_entry

UNKNOWN = "unlabelled"


def write(data: Dataset, path: Path, root: Path, *, outlines: bool = False) -> int:  # noqa: ARG001
    """Write one JSON file with all images, and an annotation for each that has a mask; returns how many have.

    The class is the annotation's category; images without a label get one called "unlabelled".
    """
    names = [*data.classes, UNKNOWN]
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number, sample in enumerate(data.samples, start=1):
        h, w = sample_size(sample)
        images.append({"id": number, "file_name": sample.id, "height": h, "width": w})
        if sample.mask is not None:
            annotations.append(_annotation(sample, number, len(annotations) + 1, len(data.classes), outlines=outlines))
    used = {a["category_id"] for a in annotations}
    content = {
        "info": {"description": "written by handful", "date_created": datetime.now(UTC).isoformat(timespec="seconds")},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": i, "name": name, "supercategory": ""}
            for i, name in enumerate(names, start=1)
            if name != UNKNOWN or i in used
        ],
    }
    with write_atomically(path) as draft:
        draft.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return len(annotations)


def _annotation(sample: Sample, image: int, number: int, unknown: int, *, outlines: bool) -> dict[str, object]:
    assert sample.mask is not None
    rle = coco_mask.encode(np.asfortranarray(sample.mask.astype(np.uint8)))
    segmentation: object = {"size": [int(v) for v in rle["size"]], "counts": rle["counts"].decode("ascii")}
    if outlines:
        segmentation = [[float(v) for point in points for v in point] for points in outline(sample.mask)]
    return {
        "id": number,
        "image_id": image,
        "category_id": (unknown if sample.label is None else sample.label) + 1,
        "segmentation": segmentation,
        "area": float(sample.mask.sum()),
        "bbox": [float(v) for v in coco_mask.toBbox(rle)],
        "iscrowd": 0 if outlines else 1,
        **source_entry(sample.mask_source),
    }

"""Categories of the images in COCO JSON (https://cocodataset.org/#format-data), and absent ones as LVIS states them.

LVIS (https://www.lvisdataset.org/dataset) annotates each image for some categories only: `neg_category_ids` are absent,
those in neither list are unknown. `not_exhaustive_category_ids` are categories of which not every object was outlined;
one that has no annotation in the image is unknown.
"""

import reprlib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from handful.core.left_out import LeftOut
from handful.data.class_names import nfc
from handful.data.masks.coco import key_of
from handful.data.masks.shapes import format_errors
from handful.data.readers.image_labels import ImageLabels
from handful.errors import DataError

NEGATIVE, INCOMPLETE = "neg_category_ids", "not_exhaustive_category_ids"


def coco_labels(content: Mapping[str, Any], path: Path) -> tuple[list[ImageLabels], tuple[LeftOut, ...]]:
    """The categories of each image, by name.

    Raises:
        DataError: an entry is not valid COCO JSON, or an image has and lacks one category.
    """
    with format_errors(str(path), "COCO JSON"):
        names = {key_of(c["id"]): nfc(str(c["name"])) for c in content["categories"]}
        present: dict[str, dict[str, None]] = defaultdict(dict)
        for number, annotation in enumerate(content["annotations"]):
            what = f"annotation {reprlib.repr(annotation.get('id', number))}"
            name = _name(names, annotation["category_id"], f"{path}: {what}")
            present[key_of(annotation["image_id"])][name] = None
        keys = [key_of(image["id"]) for image in content["images"]]
        _refuse_ids(keys, present, path)
        partial = any(NEGATIVE in image for image in content["images"])
        rows = [
            _labels(image, tuple(present[key]), names, path, partial=partial)
            for key, image in zip(keys, content["images"], strict=True)
        ]
    used = {name for row in rows for name in (*row.present, *row.absent)}
    unused = tuple(sorted(set(names.values()) - used))
    left_out = LeftOut("categories that no image shows", unused, "annotate an image that shows them")
    return rows, (left_out,) if unused else ()


def _labels(
    image: Mapping[str, Any], present: tuple[str, ...], names: Mapping[str, str], path: Path, *, partial: bool
) -> ImageLabels:
    file = _file(image)
    where = f"{path}, image {file}"
    absent, unsure = (
        tuple(dict.fromkeys(_name(names, number, where) for number in image.get(field) or ()))
        for field in (NEGATIVE, INCOMPLETE)
    )
    both = [name for name in present if name in absent]
    if both:
        raise DataError(
            f"category {both[0]!r} is annotated, and listed in {NEGATIVE}",
            where=where,
            remedy="remove the annotation, or the category from that list.",
        )
    return ImageLabels((file,), where, present, absent, unsure, partial=partial)


def _file(image: Mapping[str, Any]) -> str:
    """The image's file; LVIS gives an address, of which the folder and the name count."""
    if "file_name" in image or "coco_url" not in image:
        return str(image["file_name"])
    return "/".join(PurePosixPath(urlsplit(str(image["coco_url"])).path).parts[-2:])


def _name(names: Mapping[str, str], number: object, where: str) -> str:
    key = key_of(number)
    if key not in names:
        what = f"category id {number!r} is not among the file's categories"
        raise DataError(what, where=where, remedy="add the category, or remove what names it.")
    return names[key]


def _refuse_ids(keys: list[str], present: Mapping[str, object], path: Path) -> None:
    """Refuse annotations whose image is not told by its id."""
    known = set(keys)
    unknown = next((key for key in present if key not in known), None)
    if unknown is not None:
        raise ValueError(f"annotations of image id {unknown!r}, which is not among the images")
    if len(known) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        remedy = "give each image an id of its own: annotations name their image by id."
        raise DataError(f"two images have the id {twice}", where=path, remedy=remedy)

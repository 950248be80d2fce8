"""Multilabel data sets from annotation files: the categories of COCO and LVIS JSON, and the choices of Label Studio.

What a file lists of an image is present. LVIS states which categories are absent, and the others are unknown; in other
files what is not listed is absent. An image of which a file lists nothing may not have been looked at yet: it is
unlabelled, unless the user says that what is unlisted is absent.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float32

from handful.core.dataset import Dataset, Sample
from handful.core.left_out import LeftOut
from handful.data.class_names import class_index, class_names
from handful.data.masks.coco import is_coco
from handful.data.masks.label_studio import is_label_studio
from handful.data.masks.shapes import load_json
from handful.data.multilabel import LabelFormat, multilabel_dataset
from handful.data.readers.coco_labels import coco_labels
from handful.data.readers.image_labels import ImageLabels
from handful.data.readers.label_studio_labels import label_studio_labels
from handful.data.readers.table import sample_id, sample_of
from handful.data.readers.table_faults import MissingFileError, RowFaults
from handful.data.readers.table_paths import TablePaths, portable
from handful.errors import DataError, HandfulWarning, option


def read_annotation_file(
    path: Path,
    labels: LabelFormat,
    *,
    columns: Mapping[str, str] | None = None,
    classes: Sequence[str] | None = None,
    allow_outside: bool = False,
    on_error: Callable[[str, DataError], None] | None = None,
) -> Dataset:
    """A multilabel data set from a COCO, LVIS or Label Studio file, which lies in the folder of its images or above it.

    Args:
        path: ends in .json.
        labels: says what unlisted classes are.
        columns: {"label": NAME} chooses the field of choices of a Label Studio file that has several.
        classes: the expected class names; None: those that some image is listed with.
        allow_outside: allow images outside the file's folder.
        on_error: called with the id and the error of an image that cannot be used, which is left out; None: the error
            is raised.

    Raises:
        DataError: the file has another format, an entry is not valid, or an image is missing or listed twice.
    """
    if not path.is_file():
        raise DataError("no such file", where=path, remedy="check the path.")
    content = load_json(path)
    if is_coco(content):
        listed, left_out = coco_labels(content, path)
    elif is_label_studio(content):
        listed, left_out = label_studio_labels(content, path, (columns or {}).get("label"))
    else:
        what = "this is neither COCO JSON nor a full Label Studio export"
        raise DataError(
            what, where=path, remedy="export the annotations as COCO or Label Studio JSON, or give a table."
        )
    if not listed:
        raise DataError("the file has no images", where=path, remedy="export it again with the images.")
    try:
        samples, rows = _samples(path, listed, allow_outside=allow_outside, on_error=on_error)
    except DataError as error:
        raise _of_file(error) from error
    names = class_names([name for row in rows for name in row.present], classes)
    targets = [_target(row, names, labels) for row in rows]
    if labels.unlisted is None:
        _say_unlabelled(path, samples, targets)
    unused = _unused(rows, names) if classes is None else ()
    data = multilabel_dataset(samples, targets, names)
    return Dataset(data.samples, data.classes, (*left_out, *unused), kind=data.kind)


def _samples(
    path: Path,
    listed: Sequence[ImageLabels],
    *,
    allow_outside: bool,
    on_error: Callable[[str, DataError], None] | None,
) -> tuple[list[Sample], list[ImageLabels]]:
    paths = TablePaths(path.parent, allow_outside=allow_outside, search_below=True)
    faults, seen = RowFaults(path, on_error), dict[Path, str]()
    samples, rows = [], []
    for row in listed:
        try:
            name = _existing(row, paths)
            samples.append(sample_of({"path": name, "group": "", "split": "", "mask": ""}, row.where, paths, seen))
            rows.append(row)
        except DataError as error:
            faults.add(sample_id(portable(row.paths[0])), error)
    faults.refuse()
    paths.warn_below(path)
    return samples, rows


def _existing(row: ImageLabels, paths: TablePaths) -> str:
    """The first of an image's possible paths at which there is a file; otherwise its name alone."""
    for name in row.paths:
        try:
            paths.find(name, row.where)
        except MissingFileError:
            continue
        return name
    return PurePosixPath(portable(row.paths[-1])).name


def _of_file(error: DataError) -> DataError:
    """The error of a path as one of a file of annotations, which is no table."""
    what, remedy = (str(text).replace("the table", "the file") for text in (error.what, error.remedy))
    return DataError(what, where=error.where, remedy=remedy)


def _target(row: ImageLabels, names: Sequence[str], labels: LabelFormat) -> Float32[np.ndarray, " k"] | None:
    """1, 0 or NaN for each class; None: the file says nothing of the image."""
    index = {name: i for i, name in enumerate(names)}
    if row.shows_none:
        return np.zeros(len(names), dtype=np.float32)
    said = bool(row.present or row.absent)
    if not said and labels.unlisted != "absent":
        return None
    unknown = labels.unlisted == "unknown" or (row.partial and labels.unlisted is None)
    target = np.full(len(names), np.nan if unknown else 0.0, dtype=np.float32)
    target[[index[name] for name in row.unsure if name in index]] = np.nan
    target[[index[name] for name in row.absent if name in index]] = 0
    target[[class_index(name, index, row.where) for name in row.present]] = 1
    return target


def _say_unlabelled(path: Path, samples: Sequence[Sample], targets: Sequence[object]) -> None:
    names = [sample.id for sample, target in zip(samples, targets, strict=True) if target is None]
    if names:
        images = "1 image has" if len(names) == 1 else f"{len(names):,} images have"
        text = (
            f"{path}: {images} no annotation ({names[0]}{', ...' if len(names) > 1 else ''}), and count as unlabelled"
        )
        remedy = f"if they show none of the classes, say so: {option('unlisted', 'absent')}"
        warnings.warn(f"{text}; {remedy}", HandfulWarning, stacklevel=5)


def _unused(rows: Sequence[ImageLabels], names: Sequence[str]) -> tuple[LeftOut, ...]:
    """Classes that are known to be absent and shown by no image, which cannot be learned."""
    others = sorted({name for row in rows for name in row.absent} - set(names))
    kind = "categories that no image shows"
    return (LeftOut(kind, tuple(others), "annotate an image that shows them"),) if others else ()

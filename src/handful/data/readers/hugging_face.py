"""Data sets of Hugging Face with the images inside: Parquet files, and folders written by `save_to_disk`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import pyarrow as pa

from handful.core.dataset import Dataset, Sample, Split
from handful.core.left_out import LeftOut
from handful.data.class_names import class_index, class_names, consistent_names, nfc
from handful.data.images import read_values
from handful.data.labels import group_texts, label_texts
from handful.data.readers.hugging_face_files import (
    class_names_of,
    files_of,
    image_columns,
    named_positions,
    open_batches,
)
from handful.data.readers.table_paths import TablePaths
from handful.data.split_names import parse_split
from handful.errors import DataError, offers, option

ROLES = ("path", "image", "label", "mask", "group", "split")


@dataclass(frozen=True)
class _Columns:
    """The names of the columns that are read; None: there is none."""

    image: str
    label: str | None
    group: str | None
    split: str | None
    classes: list[str] | None

    @property
    def names(self) -> list[str]:
        return [name for name in (self.image, self.label, self.group, self.split) if name is not None]


def read_hugging_face(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    classes: Sequence[str] | None = None,
    allow_outside: bool = False,
    on_error: Callable[[str, DataError], None] | None = None,
) -> Dataset:
    """A data set from a file or folder of Hugging Face; the library `datasets` is not needed.

    A column of images holds `bytes` and `path`, or bytes alone. Labels are named by the `ClassLabel` of the file; -1 is
    no label. Splits are those of the files' or folders' names (train-00000-of-00001.parquet, test/), or of a column
    `split`. Images are decoded to memory, 16-bit ones with their own values. Ids are the split and the image's file
    name, or its row where names are missing or repeated.

    Args:
        path: a Parquet file, a folder of such files, or a folder that `save_to_disk` wrote.
        columns: the file's own names by role, such as {"image": "img", "label": "fine_label"}; None: the only column of
            images, or `image`, and the column `label` or the only `ClassLabel`.
        classes: the expected class names; None: those that occur.
        allow_outside: allow images outside the folder, where only their paths are stored.
        on_error: called with the id and the error of a row that cannot be used, which is left out; None: the error is
            raised.

    Raises:
        DataError: a damaged file or image, no or several columns for a role, files of several configurations, or
            a split that has another name.
    """
    for role in columns or {}:
        if role not in ROLES:
            raise DataError(f"unknown column role {role!r}", where="columns", remedy=f"roles are {', '.join(ROLES)}.")
    samples: list[Sample] = []
    names: list[str | None] = []
    left_out: tuple[LeftOut, ...] = ()
    for split, file in files_of(path):
        with open_batches(file) as (schema, batches):
            chosen = _choose(schema, columns or {}, file)
            left_out = left_out or _masks(schema, columns or {})
            paths = TablePaths(file.parent, allow_outside=allow_outside)
            row = 0
            for batch in batches(chosen.names):
                texts = _labels(batch, chosen, file, row)
                for text, (sample, error) in zip(texts, _samples(batch, chosen, paths, file, row, split), strict=True):
                    if error is None:
                        samples.append(sample)
                        names.append(text)
                    elif on_error is None:
                        raise error
                    else:
                        on_error(sample.id, error)
                row += batch.num_rows
    if not samples and on_error is None:
        raise DataError("no images found", where=path, remedy="check the path.")
    names = consistent_names(names, classes, where=path)
    all_classes = class_names(names, classes)
    index = {name: i for i, name in enumerate(all_classes)}
    ids = _ids(samples)
    labelled = (
        replace(s, id=i, label=None if name is None else class_index(name, index, i))
        for s, i, name in zip(samples, ids, names, strict=True)
    )
    return Dataset(tuple(labelled), all_classes, left_out)


def _choose(schema: pa.Schema, columns: Mapping[str, str], file: Path) -> _Columns:
    for role, name in columns.items():
        if name not in schema.names:
            what = f"no column {name!r}; columns are {', '.join(schema.names)}"
            raise DataError(what, where=file, remedy=f"name the column that holds the {role}.")
    images = [name for name in image_columns(schema) if name != columns.get("mask", "mask")]
    image = columns.get("image", columns.get("path"))
    image = image or _only("image", [n for n in images if n in ("image", "img")] or images, file)
    if image not in image_columns(schema):
        raise DataError(f"the column {image!r} holds no images", where=file, remedy="name the column of the images.")
    label = columns.get("label")
    if label is None:
        known = [n for n in schema.names if class_names_of(schema, n)]
        label = "label" if "label" in schema.names else _only("label", known, file) if known else None
        label = label or ("labels" if "labels" in schema.names else None)
    others = {role: columns.get(role, role if role in schema.names else None) for role in ("group", "split")}
    classes = None if label is None else class_names_of(schema, label)
    return _Columns(image, label, others["group"], others["split"], classes)


def _only(role: str, names: Sequence[str], file: Path) -> str:
    if len(names) == 1:
        return names[0]
    what = f"several columns may be the {role} ({', '.join(names)})" if names else f"no column holds the {role}"
    raise DataError(what, where=file, remedy=f"name one of them ({option('columns', {role: 'NAME'})}).")


def _masks(schema: pa.Schema, columns: Mapping[str, str]) -> tuple[LeftOut, ...]:
    name = columns.get("mask", "mask")
    if name not in image_columns(schema):
        return ()
    remedy = "write them to a folder of PNG files, " + (
        f"and pass it as the masks ({option('masks', 'FOLDER')})" if offers("masks") else "for commands that read masks"
    )
    return (LeftOut("columns of masks", (name,), remedy),)


def _labels(batch: pa.RecordBatch, chosen: _Columns, file: Path, start: int) -> list[str | None]:
    if chosen.label is None:
        return [None] * batch.num_rows
    column = batch.column(chosen.label)
    if chosen.classes is None and pa.types.is_list(column.type) and pa.types.is_integer(column.type.value_type):
        what = f"the column {chosen.label!r} holds several labels for an image"
        raise DataError(what, where=file, remedy="an image has one class: name a column with one label each.")
    texts = label_texts(column.to_pylist(), role=f"{file}, {chosen.label}", start=start)
    return texts if chosen.classes is None else named_positions(texts, chosen.classes, file)


def _samples(
    batch: pa.RecordBatch, chosen: _Columns, paths: TablePaths, file: Path, start: int, split: Split | None
) -> Iterator[tuple[Sample, DataError | None]]:
    """Each row's sample, with its file name or nothing as the id, or its error."""
    n = batch.num_rows
    groups = group_texts(batch.column(chosen.group).to_pylist()) if chosen.group else [None] * n
    splits = group_texts(batch.column(chosen.split).to_pylist()) if chosen.split else [None] * n
    for i, value in enumerate(batch.column(chosen.image).to_pylist()):
        where = f"{file}, row {start + i + 1}"
        cell = value if isinstance(value, dict) else {"bytes": value}
        name = PurePosixPath(str(cell.get("path") or "").replace("\\", "/")).name
        sample = Sample(id=nfc(name), image=Path(), group=groups[i], split=split)
        try:
            if cell.get("bytes") is not None:
                sample = replace(sample, image=read_values(cell["bytes"], where=where))
            else:
                sample = replace(sample, image=paths.find(str(cell.get("path") or ""), where))
            yield (replace(sample, split=parse_split(splits[i] or "", where) or split), None)
        except DataError as error:
            yield replace(sample, id=sample.id or where), error


def _ids(samples: Sequence[Sample]) -> list[str]:
    """The split and the file name of each image, or its position where names are missing or repeated."""
    ids = [f"{s.split}/{s.id}" if s.split else s.id for s in samples]
    if all(s.id for s in samples) and len(set(ids)) == len(ids):
        return ids
    return [f"{s.split}/{i:06d}" if s.split else f"{i:06d}" for i, s in enumerate(samples)]

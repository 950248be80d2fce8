"""Data sets from NumPy arrays and `.npz` archives."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handful.core.dataset import Dataset, Mask, Sample, Split
from handful.data.class_names import class_index, class_names, with_classes
from handful.data.images import from_array
from handful.data.split_names import parse_split
from handful.errors import DataError

# Common keys of images and labels in archives, with the split that they belong to.
_PARTS: tuple[tuple[str, str, Split | None], ...] = (
    ("train_images", "train_labels", "train"),
    ("val_images", "val_labels", "val"),
    ("test_images", "test_labels", "test"),
    ("x_train", "y_train", "train"),
    ("x_val", "y_val", "val"),
    ("x_test", "y_test", "test"),
    ("X", "y", None),
    ("images", "labels", None),
)


def from_arrays(
    images: npt.NDArray[Any] | Sequence[npt.NDArray[Any]],
    labels: Sequence[Hashable] | npt.NDArray[Any] | None = None,
    *,
    masks: npt.NDArray[Any] | Sequence[npt.NDArray[Any] | None] | None = None,
    groups: Sequence[Hashable] | npt.NDArray[Any] | None = None,
    splits: Sequence[str | None] | npt.NDArray[Any] | None = None,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """A data set from images [n h w] or [n h w c], or a sequence of arrays of different sizes.

    Pixels are converted as `handful.data.images.from_array` does. Ids are the positions, zero-padded.

    Args:
        images: one array, or one per image.
        labels: any hashable value per image; its text is the class name. None or NaN: unlabelled.
        masks: [n h w], non-zero is foreground; or a sequence in which None means no mask.
        groups: samples of one group are never on two sides of a split; None: a group of its own.
        splits: "train", "val", "test" or None per image.
        classes: the expected class names; None: those that occur.

    Raises:
        DataError: inconsistent lengths, shapes, types or labels; names the position.
    """
    n = len(images)
    for role, column in (("labels", labels), ("masks", masks), ("groups", groups), ("splits", splits)):
        if column is not None and len(column) != n:
            what = f"{n} images, but {len(column)} {role}"
            raise DataError(what, where=role, remedy="give one for each image.")
    names = [None] * n if labels is None else [_text(label) for label in labels]
    if labels is not None:
        _refuse_same_names(labels)
    all_classes = class_names(names, classes)
    index = {class_name: position for position, class_name in enumerate(all_classes)}
    samples = []
    for i, name in enumerate(names):
        where = f"image {i}"
        pixels = from_array(np.asarray(images[i]), where=where)
        samples.append(
            Sample(
                id=f"{i:06d}",
                image=pixels,
                label=None if name is None else class_index(name, index, where),
                mask=None if masks is None else _mask(masks[i], pixels.shape[1:], where),
                mask_source=None if masks is None or masks[i] is None else "hand",
                group=None if groups is None else _text(groups[i]),
                split=None if splits is None else _split(splits[i], where),
            )
        )
    return Dataset(tuple(samples), all_classes)


def read_npz(path: Path, *, classes: Sequence[str] | None = None) -> Dataset:
    """A data set from a NumPy archive.

    Keys: `train_images` and `train_labels`, likewise `val_` and `test_` (or `x_train`, `y_train` and so on),
    or `images` and `labels` (or `X` and `y`) with no split. Labels are names, or positions in `class_names`
    where the file has them. Optional: `train_masks`, `masks`, `train_groups`, `groups`, `splits`.

    Raises:
        DataError: the file is missing or damaged, has none of these keys, or contains Python objects.
    """
    arrays = _load(path)
    parts = [part for part in _PARTS if part[0] in arrays]
    if not parts:
        raise DataError(
            f"no images found; its keys are {', '.join(sorted(arrays)) or 'none'}",
            where=path,
            remedy="name them train_images, train_labels, test_images, test_labels, or images and labels.",
        )
    names = [str(c) for c in arrays["class_names"]] if "class_names" in arrays else None
    expected = classes if classes is not None or names is None else names
    try:
        datasets = [_part(arrays, part, names) for part in parts]
    except DataError as error:
        raise DataError(error.what, where=f"{path}, {error.where}", remedy=error.remedy) from error
    all_names = class_names([name for d in datasets for name in d.classes], None)
    samples = [s for d in datasets for s in with_classes(d, all_names).samples]
    try:
        return with_classes(Dataset(tuple(samples), all_names), expected)
    except DataError as error:
        raise DataError(error.what, where=f"{path}, {error.where}", remedy=error.remedy) from error


def _part(
    arrays: dict[str, npt.NDArray[Any]],
    part: tuple[str, str, Split | None],
    names: list[str] | None,
) -> Dataset:
    images, labels, split = part
    column: Any = arrays.get(labels)
    if column is not None and names is not None and column.dtype.kind in "iu":
        outside = np.flatnonzero((column < 0) | (column >= len(names)))
        if len(outside):
            raise DataError(
                f"the label {column[outside[0]]} is outside the {len(names)} class_names",
                where=f"{labels}[{outside[0]}]",
                remedy="labels count from 0 in the order of class_names.",
            )
        column = np.array(names, dtype=object)[column]
    prefix = "" if split is None else f"{split}_"
    data = from_arrays(
        arrays[images],
        column,
        masks=arrays.get(f"{prefix}masks"),
        groups=arrays.get(f"{prefix}groups"),
        splits=arrays.get("splits") if split is None else None,
    )
    if split is None:
        return data
    return replace(data, samples=tuple(replace(s, id=f"{split}/{s.id}", split=split) for s in data.samples))


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    if not path.is_file():
        raise DataError("no such file", where=path, remedy="check the path.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("a single array, not an archive of several")
            return {key: archive[key] for key in archive.files}
    except Exception as error:  # zip, zlib and NumPy raise exceptions of many types on damaged files
        raise DataError(
            f"the archive cannot be read ({error})",
            where=path,
            remedy="write it with numpy.savez and plain arrays; class_names as text, not objects.",
        ) from error


def _text(value: Any) -> str | None:
    if value is None or value != value:  # NaN
        return None
    text = str(value)
    return text if text != "" else None


def _refuse_same_names(labels: Sequence[Hashable] | npt.NDArray[Any]) -> None:
    seen: dict[str, Any] = {}
    for value in labels:
        name = _text(value)
        if name is not None and seen.setdefault(name, value) != value:
            raise DataError(
                f"two different labels have the same name {name!r}",
                where="labels",
                remedy="rename one of them.",
            )


def _mask(mask: npt.NDArray[Any] | None, size: tuple[int, ...], where: str) -> Mask | None:
    if mask is None:
        return None
    values = np.asarray(mask)
    if values.shape != size:
        raise DataError(
            f"the mask has shape {list(values.shape)}, the image {list(size)}",
            where=where,
            remedy="give each mask as [h w] at the size of its image.",
        )
    return np.asarray(values != 0)


def _split(value: Any, where: str) -> Split | None:
    text = _text(value)
    return None if text is None else parse_split(text, where)

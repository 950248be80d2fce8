"""Data sets from images in memory, or from a list of image files."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from handful.core.dataset import Dataset, DeepImage, Image, Mask, Sample, Split
from handful.data.array_like import as_array, as_items, is_missing
from handful.data.bags import bag_dataset
from handful.data.candidate_labels import candidate_columns, candidate_rows, refuse_other_knowledge
from handful.data.class_names import consistent_names, nfc, warn_minus_one
from handful.data.decoding import decode
from handful.data.images import deep_array, image_size, pixels, read_bytes
from handful.data.labelled_dataset import labelled_dataset, marked_dataset, voted_dataset
from handful.data.labels import group_texts, label_texts, value_text
from handful.data.multilabel import with_targets
from handful.data.numbers import number_dataset
from handful.data.pixel_range import with_pixel_range
from handful.data.split_names import parse_split
from handful.data.votes import vote_rows, with_weights
from handful.errors import DataError


def from_arrays(
    images: Iterable[Any],
    labels: Iterable[Any] | None = None,
    *,
    targets: Iterable[Any] | None = None,
    numbers: Iterable[Any] | None = None,
    masks: Iterable[Any] | None = None,
    groups: Iterable[Any] | None = None,
    bags: Iterable[Any] | None = None,
    splits: Iterable[Any] | None = None,
    probabilities: Iterable[Any] | None = None,
    candidates: Iterable[Any] | None = None,
    weights: Iterable[Any] | None = None,
    classes: Sequence[str] | None = None,
    bit_depth: int | None = None,
    window: tuple[float, float] | None = None,
) -> Dataset:
    """A data set from images [n h w] or [n h w c], or from a list of images.

    Every argument is read by position: a NumPy array, a list, a column of pandas (whatever its index), polars or
    Arrow, or a tensor. Ids are the positions, zero-padded.

    Args:
        images: one array, or one item per image: an array, an image of Pillow, the path of a file, or the content of
            one as bytes. Pixels are converted as `handful.data.images.from_array` does; files are decoded later.
        labels: a value per image, or one-hot rows, as `handful.data.labels.label_texts` reads them; the text of a
            value is the class name. None or NaN: unlabelled; so is -1 as `consistent_names` says.
        targets: several labels per image, in place of `labels`: rows [n k] with 1 for a class that the image shows, 0
            for one it does not, and NaN where that is not known. The columns are a data frame's, or `classes`.
        numbers: numbers to predict, in place of `labels`: [n], or rows [n k] for several quantities; NaN: not known.
            The quantities are a series' name or a data frame's columns, otherwise "number", or their positions.
        masks: [n h w], non-zero is foreground; or a sequence in which None means no mask.
        groups: samples of one group are never on two sides of a split; None: a group of its own.
        bags: the bag of each image, such as its slide: labels then belong to bags, and an image without a label has
            that of the others in its bag. None: no bags.
        splits: "train", "val", "test" (or another spelling that `handful.data.split_names` knows) or None per image.
        probabilities: of each class [n k], or numbers of votes, which losses learn in place of one label: see
            `handful.data.votes`. The columns are a data frame's, or `classes`. Labels may be given beside them.
        candidates: the classes of which an image shows one: rows [n k] of booleans, for images without a label. A
            single True is a label. Without `labels` each row has at least one True; beside them, a row of False says
            nothing. The columns are as `handful.data.candidate_labels.candidate_columns` says.
        weights: factor of each image's loss in training, 0 or more.
        classes: the expected class names; None: those that occur.
        bit_depth: number of bits of integers; None: as `handful.data.pixel_range.with_pixel_range` finds it over all
            images.
        window: the values that become black and white, e.g. of signed integers, or of floats outside [0, 1].

    Raises:
        DataError: inconsistent lengths, shapes, types or labels; names the position.
    """
    given = next((values for values in (targets, numbers, labels) if values is not None), None)
    samples = image_samples(images, given, masks=masks, groups=groups, splits=splits)
    if weights is not None:
        samples = with_weights(samples, weights)
    if probabilities is not None and (targets is not None or numbers is not None or bags is not None):
        other = "targets" if targets is not None else "numbers" if numbers is not None else "bags"
        remedy = "class probabilities are of images with one class each: leave one of them out."
        raise DataError(f"probabilities and {other} are both given", where="probabilities", remedy=remedy)
    if candidates is not None:
        refuse_other_knowledge(targets=targets, numbers=numbers, bags=bags, probabilities=probabilities)
    texts, names = list[str | None](), list[str | None]()
    if numbers is not None:
        if labels is not None or targets is not None:
            raise DataError("numbers and labels are both given", where="numbers", remedy="give one of them.")
        data = _numbers(samples, numbers)
    elif targets is not None:
        data = _multilabel(samples, labels, targets, classes)
    else:
        texts = [None] * len(samples) if labels is None else label_texts(labels, classes=classes)
        names = consistent_names(texts, classes, where="labels", unlabelled=False)
        data = _multiclass(samples, names, probabilities, candidates, classes, labelled=labels is not None)
    if bags is not None:
        data = _in_bags(data, bags)
    warn_minus_one(texts, names, data.samples if texts else (), "labels")
    data = with_pixel_range(data, bit_depth=bit_depth, window=window)
    for i, sample in enumerate(data.samples):
        if not isinstance(sample.image, Path) and sample.image.dtype != np.uint8:
            pixels(replace(sample, id=f"image {i}"))  # now, since later no one knows where the array came from
    return data


def _in_bags(data: Dataset, bags: Iterable[Any]) -> Dataset:
    """The data with the bag of each image, and labels that belong to bags."""
    if data.kind != "multiclass":
        remedy = f"leave out {'numbers' if data.kind == 'number' else 'targets'}."
        raise DataError("a bag has one label", where="bags", remedy=remedy)
    items = as_items(bags, "bags")
    if len(items) != len(data):
        what = f"{len(data)} images, but {len(items)} bags"
        raise DataError(what, where="bags", remedy="give one for each image.")
    samples = tuple(replace(s, bag=bag) for s, bag in zip(data.samples, group_texts(items, "bags"), strict=True))
    return bag_dataset(replace(data, samples=samples), argument="bags")


def _numbers(samples: list[Sample], numbers: Iterable[Any]) -> Dataset:
    rows = as_array(numbers, "numbers")
    if rows.ndim not in (1, 2) or rows.dtype.kind not in "biuf":
        what = f"numbers of shape {list(rows.shape)} and type {rows.dtype}"
        raise DataError(what, where="numbers", remedy="give a number for each image, or a row of them, or NaN.")
    values = rows.astype(np.float32).reshape(len(samples), -1)
    if np.isinf(values).any():
        i = int(np.argwhere(np.isinf(values))[0][0])
        raise DataError("a number is infinite", where=f"numbers[{i}]", remedy="write NaN where it is not known.")
    k = values.shape[1]
    named = getattr(numbers, "columns", None) if rows.ndim == 2 else [getattr(numbers, "name", None) or "number"]
    names = [str(name) for name in (range(k) if named is None else named)]
    return number_dataset(samples, values, names)


def _multiclass(
    samples: list[Sample],
    names: list[str | None],
    probabilities: Iterable[Any] | None,
    candidates: Iterable[Any] | None,
    classes: Sequence[str] | None,
    *,
    labelled: bool,
) -> Dataset:
    where = [f"image {i}" for i in range(len(samples))]
    if candidates is not None:
        marks, frame = as_array(candidates, "candidates"), getattr(candidates, "columns", None)
        known = candidate_columns(names, marks.shape[-1] if marks.ndim else 0, frame, classes)
        rows = candidate_rows(marks, len(samples), len(known), where="candidates", labelled=labelled)
        return marked_dataset(samples, names, rows, known, classes, where)
    if probabilities is None:
        return labelled_dataset(samples, names, classes, where)
    values = as_array(probabilities, "probabilities")
    columns = getattr(probabilities, "columns", classes)
    listed = [nfc(str(c)) for c in (range(values.shape[-1]) if columns is None else columns)]
    votes = vote_rows(values, len(samples), len(listed), where="probabilities")
    return voted_dataset(samples, names, votes, listed, classes, where)


def _multilabel(
    samples: list[Sample], labels: Iterable[Any] | None, targets: Iterable[Any], classes: Sequence[str] | None
) -> Dataset:
    if labels is not None:
        raise DataError("labels and targets are both given", where="targets", remedy="give one of them.")
    rows = as_array(targets, "targets")
    if rows.ndim != 2 or rows.dtype.kind not in "biuf":
        what = f"targets of shape {list(rows.shape)} and type {rows.dtype}"
        raise DataError(what, where="targets", remedy="give a number for each image and class: 1, 0, or NaN.")
    columns = getattr(targets, "columns", classes)
    names = [str(c) for c in (range(rows.shape[1]) if columns is None else columns)]
    return with_targets(samples, rows.astype(np.float32), names, classes)


def image_samples(
    images: Iterable[Any],
    labels: Iterable[Any] | None = None,
    *,
    masks: Iterable[Any] | None = None,
    groups: Iterable[Any] | None = None,
    splits: Iterable[Any] | None = None,
) -> list[Sample]:
    """Unlabelled samples, from the arguments of `from_arrays`; of `labels` only the number is checked.

    Values of more than 8 bits stay as they are, without a range: a model has one, or the whole data set gets one.

    Raises:
        DataError: as `from_arrays`.
    """
    items = as_items(images, "images")
    columns: dict[str, list[Any]] = {}
    for role, column in (("labels", labels), ("masks", masks), ("groups", groups), ("splits", splits)):
        columns[role] = [None] * len(items) if column is None else as_items(column, role)
        if len(columns[role]) != len(items):
            what = f"{len(items)} images, but {len(columns[role])} {role}"
            raise DataError(what, where=role, remedy="give one for each image.")
    group_names = group_texts(columns["groups"])
    samples = []
    for i, item in enumerate(items):
        where = f"image {i}"
        image = as_image(item, where)
        mask = _mask(columns["masks"][i], image, where)
        samples.append(
            Sample(
                id=f"{i:06d}",
                image=image,
                mask=mask,
                mask_source=None if mask is None else "hand",
                group=group_names[i],
                split=_split(columns["splits"][i], where),
            )
        )
    return samples


def as_image(item: Any, where: object) -> Path | Image | DeepImage:
    """An image as a sample holds it: the path of a file, or pixels from an array, Pillow or a file's content.

    Arrays of more than 8 bits, and gray images of Pillow with more than 8 bits, are not scaled yet, nor copied.

    Raises:
        DataError: there is no such file, or the image cannot be read.
    """
    if isinstance(item, str | os.PathLike):
        return _image_file(os.fspath(item), where)
    if isinstance(item, bytes | bytearray | memoryview):
        return read_bytes(bytes(item), where=str(where))
    if not isinstance(item, Pillow.Image):
        return deep_array(as_array(item, where), where=where)
    try:
        if item.mode == "F" or item.mode.startswith("I"):
            return deep_array(np.asarray(ImageOps.exif_transpose(item)), where=where)
        return decode(item, where)
    except DataError:
        raise
    except Exception as error:  # decoders raise nearly anything on damaged files
        raise DataError(
            f"the image is damaged or closed ({error})", where=where, remedy="give its path, or load() it before."
        ) from error


def is_picture(item: Any) -> bool:
    """Whether an item is an image on its own that is not an array: a path, a file's content, an image of Pillow."""
    return isinstance(item, str | bytes | os.PathLike | Pillow.Image)


def _image_file(name: str | bytes, where: object) -> Path:
    path = Path(os.fsdecode(name))
    try:
        if path.is_file():
            return path
        what = "a folder, not an image" if path.is_dir() else "no such image"
    except (OSError, ValueError) as error:  # a NUL, or a name that is too long
        what = f"not a path ({error})"
    raise DataError(f"{what}: {str(path)!r}", where=where, remedy="check the path.")


def _mask(mask: Any, image: Path | Image | DeepImage, where: str) -> Mask | None:
    if is_missing(mask):
        return None
    if is_picture(mask):
        remedy = "give masks as arrays (handful.data.masks.image_file.read_mask)."
        raise DataError("the mask is not an array", where=where, remedy=remedy)
    size = image_size(image) if isinstance(image, Path) else image.shape[1:]
    values = as_array(mask, where)
    if values.shape != size:
        raise DataError(
            f"the mask has shape {list(values.shape)}, the image {list(size)}",
            where=where,
            remedy="give each mask as [h w] at the size of its image.",
        )
    return np.asarray(values != 0)


def _split(value: Any, where: str) -> Split | None:
    text = value_text(value, where)
    return None if text is None else parse_split(text, where)

"""The arguments `X` and `y` of a scikit-learn estimator: images or rows of numbers, and labels."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32
from PIL import Image as Pillow
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from handful.data.array_like import as_array, as_items, is_missing
from handful.data.arrays import as_image, is_picture
from handful.data.class_names import consistent_names
from handful.data.images import read_image
from handful.data.labels import label_texts
from handful.errors import DataError, HandfulWarning

COLORS = (3, 4)  # channels of images in color


@dataclass(frozen=True)
class Rows:
    """Conversion of rows of numbers to images: the range seen in `fit` becomes 0..255, a row height x width."""

    low: float
    high: float
    height: int
    width: int

    @classmethod
    def of(cls, rows: npt.NDArray[Any]) -> "Rows":
        """The range of rows [n f], and the square of f numbers, or else one row of them."""
        f = rows.shape[1]
        side = isqrt(f)
        height, width = (side, side) if side * side == f else (1, f)
        return cls(float(rows.min()), float(rows.max()), height, width)

    def images(self, X: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Rows [n f] as gray images [n h w]."""
        span = self.high - self.low
        scaled = np.clip((X.astype(np.float64) - self.low) / (span if span > 0 else 1.0), 0.0, 1.0)
        return np.rint(scaled * 255).astype(np.uint8).reshape(len(X), self.height, self.width)

    def warn_of_range(self, X: npt.NDArray[Any]) -> None:
        """A `HandfulWarning` where rows have values of another order than those of `fit`."""
        span, low, high = self.high - self.low, float(X.min()), float(X.max())
        if span > 0 and (high > self.high + span or low < self.low - span or (len(X) > 1 and high - low < span / 50)):
            seen = f"fitted on rows of {self.low:g} to {self.high:g}"
            warn(f"{seen}, and X has {low:g} to {high:g}: scale it as in fit", HandfulWarning, stacklevel=4)


@dataclass(frozen=True)
class ImageForm:
    """What the images of `fit` have in common.

    Attributes:
        shape: of each, [h w] or [h w c]; None: they are files, pictures, or differ.
        high: largest value of integers of 8 bits; None: others.
    """

    shape: tuple[int, ...] | None
    high: int | None

    @classmethod
    def of(cls, images: Any) -> "ImageForm":
        """The form of an array of images, or of a list."""
        if isinstance(images, list):
            return cls(None, None)
        return cls(images.shape[1:], int(images.max()) if images.dtype == np.uint8 else None)

    def refuse_one_image(self, X: Any) -> None:
        """Refuse a single image in place of a batch.

        Raises:
            ValueError: says how a batch of one is written.
        """
        shape = getattr(X, "shape", None)
        if shape is None or isinstance(X, list):
            return
        single = self.shape is not None and tuple(shape) == tuple(self.shape)
        if not single and len(shape) == 3 and shape[2] in COLORS and (self.shape is None or len(self.shape) == 3):
            single = True
        if single:
            raise ValueError(f"X is one image of shape {list(shape)}, not several: write X[None], or images[:1]")

    def warn_of_difference(self, X: Any) -> None:
        """A `HandfulWarning` where images [n h w] or [n h w c] differ in kind from those of `fit`."""
        if self.shape is None or isinstance(X, list):
            return
        (was, size), (now, other_size) = _kind(self.shape), _kind(X.shape[1:])
        differences = [f"they are {now}, and those of fit {was}"] if was != now else []
        if size != other_size:
            (h, w), (h2, w2) = size, other_size
            differences.append(f"they are {h2}x{w2} and resized to the {h}x{w} of fit")
        if self.high is not None and self.high > 1 and X.dtype.kind in "iu" and X.size and int(X.max()) <= 1:
            differences.append("their values are 0 and 1, nearly black: give floats in [0, 1], or 0 to 255")
        if differences:
            warn(f"X: the images are not like those of fit: {'; '.join(differences)}", HandfulWarning, stacklevel=4)


def as_images(X: Any) -> Any:
    """`X` as a list of images, an array of images [n h w] or [n h w c], or an array of rows [n f], not yet checked.

    Raises:
        ValueError: a single file or picture, a table with text, no image, NaN in images (named), or no array.
    """
    _refuse_one_file(X)
    _refuse_table(X)
    images = _image_list(X)
    if images is not None:
        return images
    if isinstance(X, list | tuple) and not X:
        raise ValueError("X has no images")
    array = check_array(X, allow_nd=True, dtype=None, ensure_all_finite=False)
    if array.ndim > 2:
        _refuse_nan(array)
    return array


def pixel_count(image: Any) -> int:
    """Numbers in an image: an array, a file, or a picture."""
    if is_picture(image):
        image = as_image(image, "X[0]")
    return int(np.size(read_image(image) if isinstance(image, Path) else image))


def read_targets(y: Any) -> tuple[npt.NDArray[Any], list[str | None]]:
    """The labels as scikit-learn knows them [n], and as names of classes; None: unlabelled, which a warning counts.

    Raises:
        ValueError: `y` has infinite numbers, numbers with a fraction, more than one column without being one-hot, or no
            label at all.
        DataError: as `label_texts`; or two different labels with the same name.
    """
    array = as_array(y, "y")
    if array.dtype.kind == "f":
        assert_all_finite(array, allow_nan=True, input_name="y")
    if array.ndim == 2 and array.shape[1] == 1:
        array = column_or_1d(array, warn=True)
    elif array.ndim == 2 and array.dtype.kind == "f" and not np.isin(array, (0, 1)).all():
        column_or_1d(array)  # raises scikit-learn's error
    names = label_texts(array if array.ndim == 1 else y, role="y")
    _warn_of_missing(names)
    if array.ndim > 1:
        array = np.array([name if name is None or not name.isdigit() else int(name) for name in names], dtype=object)
    if array.dtype.kind == "f":
        check_classification_targets(array[np.isfinite(array)])  # before a note on labels that look like measurements
    names = consistent_names(names, None, where="y")
    values = array if array.dtype.kind in "biufU" else _by_type(array, names)
    same: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        if name is not None and same.setdefault(name, value) != value:
            raise DataError(
                f"the labels {same[name]!r} and {value!r} have the same name {name!r}",
                where="y",
                remedy="write them alike.",
            )
    return values, names


def read_indicator(
    y: Any, multilabel: bool | None
) -> tuple[Float32[np.ndarray, "n k"], list[str], npt.NDArray[Any]] | None:
    """Rows [n k] of an indicator matrix, the text of each column's class, and its value; None: one label per image.

    Args:
        y: an array, or a data frame, whose columns are the classes; else they are numbered from 0.
        multilabel: whether it is one; None: if it is of 0, 1 and NaN, and some row is not one-hot.

    Raises:
        ValueError: `multilabel` is True, and it is no such matrix.
    """
    array = as_array(y, "y")
    fits = array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind in "biuf"
    rows = array.astype(np.float32) if fits else np.zeros((0, 0), np.float32)
    fits = fits and bool((np.isnan(rows) | np.isin(rows, (0, 1))).all())
    one_hot = fits and bool(((rows == 1).sum(axis=1) == 1).all()) and not np.isnan(rows).any()
    if multilabel and not fits:
        raise ValueError(f"y of shape {list(array.shape)} is no indicator matrix [n k] of 0, 1 and NaN")
    if not fits or multilabel is False or (multilabel is None and one_hot):
        return None
    if np.isnan(rows).all():
        raise ValueError("y has no label: all entries are NaN")
    columns = getattr(y, "columns", None)
    values = np.arange(rows.shape[1]) if columns is None else np.asarray(columns)
    return rows, [str(value) for value in values], values


def _warn_of_missing(names: Sequence[str | None]) -> None:
    missing = sum(name is None for name in names)
    if names and missing == len(names):
        raise ValueError(f"y has no label: all {missing} are None, NaN or empty")
    if missing:
        what = f"y: {missing} of {len(names)} without a label (None or NaN), read as unlabelled"
        warn(what, HandfulWarning, stacklevel=4)


def _by_type(values: npt.NDArray[Any], names: list[str | None]) -> npt.NDArray[Any]:
    """Labels of mixed types, such as a column with gaps, with the type of those that are there; bytes as text."""
    texts = [str(name) if isinstance(v, bytes) else v for v, name in zip(values, names, strict=True)]
    present = [text for text, name in zip(texts, names, strict=True) if name is not None]
    kind = np.asarray(present).dtype
    typed = np.zeros(len(texts), dtype=kind if kind.kind in "biufU" else object)
    typed[[name is not None for name in names]] = present
    return typed


def _refuse_one_file(X: Any) -> None:
    if isinstance(X, str | os.PathLike):
        path = Path(os.fspath(X))
        if path.is_dir():
            raise ValueError(
                f"X is a folder, {str(path)!r}: give a list of the paths in it, such as "
                f"sorted(pathlib.Path({str(path)!r}).rglob('*.jpg')), or use handful.run, which reads folders"
            )
        raise ValueError(f"X is one path, {str(path)!r}: give a list of paths")
    if isinstance(X, bytes | Pillow.Image):
        raise ValueError("X is one image: give a list of images, [image]")


def _refuse_table(X: Any) -> None:
    """Refuse a data frame in which some columns are text: one of them holds the paths."""
    columns = getattr(X, "columns", None)
    if columns is None or len(columns) < 2 or not len(X):
        return
    names = [str(name) for name in columns]
    texts = [name for name, value in zip(names, _first_row(X), strict=False) if isinstance(value, str | os.PathLike)]
    if texts:
        raise ValueError(
            f"X is a table with text in the column {texts[0]!r}: give the column of paths, X[{texts[0]!r}]"
        )


def _first_row(frame: Any) -> list[Any]:
    row = frame.iloc[0] if hasattr(frame, "iloc") else frame.row(0) if hasattr(frame, "row") else ()
    return list(row)


def _refuse_nan(images: npt.NDArray[Any], where: str = "X[{}]") -> None:
    if images.dtype.kind != "f":
        return
    bad = np.flatnonzero(~np.isfinite(images).reshape(len(images), -1).all(axis=1))
    if len(bad):
        more = f", and {len(bad) - 1} further images" if len(bad) > 1 else ""
        raise ValueError(f"Input X contains NaN or infinity: {where.format(bad[0])}{more}")


def _image_list(X: Any) -> list[Any] | None:
    """The images of a list or column that is not one array: files, Pillow's images, arrays of different sizes."""
    if not (isinstance(X, list | tuple) or hasattr(X, "to_pylist") or getattr(X, "ndim", 0) in (1, 2)):
        return None
    array = None if isinstance(X, list | tuple) or hasattr(X, "to_pylist") else as_array(X, "X")
    if array is not None:
        if array.ndim == 2 and array.shape[1] == 1 and array.dtype.kind in "OUS":  # a data frame of one column
            array = array[:, 0]
        if array.ndim != 1 or array.dtype.kind not in "OUS":
            return None
    items = as_items(X if array is None else array, "X")
    if any(is_picture(item) for item in items):
        return items
    missing = next((i for i, item in enumerate(items) if is_missing(item)), None)
    if missing is not None and any(np.ndim(item) > 1 for item in items):
        raise ValueError(f"X[{missing}] is no image, but {items[missing]}")
    sizes = {np.shape(as_array(item, "X")) for item in items}
    if all(len(size) >= 2 for size in sizes) and len(sizes) > (0 if array is not None else 1):
        images = [check_array(item, allow_nd=True, dtype=None, ensure_all_finite=False) for item in items]
        for i, image in enumerate(images):
            _refuse_nan(image[None], f"X[{i}]")
        return images
    return None


def _kind(shape: Sequence[int]) -> tuple[str, tuple[int, int]]:
    """Whether an image of this shape is gray or in color, and its height and width."""
    color = len(shape) == 3 and shape[2] in COLORS
    return "in color" if color else "gray", (shape[0], shape[1])

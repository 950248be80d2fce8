"""Labels and groups as text, read from numbers, texts, bytes, [n 1] arrays and one-hot rows."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from handful.data.array_like import as_array, as_items, is_missing
from handful.data.class_names import nfc
from handful.errors import DataError, by_interface

_TEXT = (str, bytes, bytearray, memoryview)


def label_texts(
    labels: Iterable[Any], *, classes: Sequence[str] | None = None, role: str = "labels", start: int = 0
) -> list[str | None]:
    """The class name of each label; None: unlabelled.

    A class is named by the text of its label: bytes are decoded, whole numbers of any type are written without a
    fraction (1.0 is "1"), and an array [n 1] is read as [n]. Rows of zeros with a single one (one-hot) are read by
    their columns: a data frame's column names, or else the given `classes` in their order, or else positions from 0.
    None, NaN, NaT, pandas' NA and empty texts are no label.

    Args:
        labels: one for each image, or one-hot rows.
        classes: names of the columns of one-hot rows.
        role: the argument's name, for errors.
        start: number of the first position, for errors.

    Raises:
        DataError: a label that is several values but not one-hot, infinite, or bytes that are not UTF-8; or two
            different labels with the same text. Names the position.
    """
    columns = getattr(labels, "columns", None)
    items = [_plain(item) for item in as_items(labels, role)]
    if any(isinstance(item, np.ndarray) for item in items):
        names = classes if columns is None else [str(c) for c in columns]
        return _one_hot(items, names, role, start)
    texts = [value_text(item, f"{role}[{i}]") for i, item in enumerate(items, start)]
    _refuse_same_text(items, texts, role)
    return texts


def group_texts(groups: Iterable[Any], role: str = "groups", *, start: int = 0) -> list[str | None]:
    """The text of each group, as `label_texts` writes it; None: no group.

    Raises:
        DataError: a group of several values; names the position.
    """
    return [value_text(_plain(item), f"{role}[{i}]") for i, item in enumerate(as_items(groups, role), start)]


def value_text(value: Any, where: object) -> str | None:
    """A value as text in Unicode's composed form; None if it is missing, or blank.

    Raises:
        DataError: several values, an infinite number, or bytes that are not UTF-8.
    """
    if is_missing(value):
        return None
    if isinstance(value, list | dict | set | np.ndarray):
        raise _several(value, where)
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            value = bytes(value).rstrip(b"\0").decode("utf-8")  # fixed-width texts are filled up with zeros
        except UnicodeDecodeError as error:
            raise DataError(
                f"{_short(bytes(value))} is not UTF-8", where=where, remedy="decode the bytes to text first."
            ) from error
    elif isinstance(value, bool | np.bool_):
        value = bool(value)
    elif isinstance(value, float | np.floating | Decimal):
        if not np.isfinite(float(value)):
            none = by_interface(command="leave it empty", python="give None")
            raise DataError(f"{value} is not a label", where=where, remedy=f"correct it, or {none} for no label.")
        value = int(value) if value == int(value) else value
    text = nfc(str(value))
    return text if text.strip() else None


def _plain(item: Any) -> Any:
    """An item as a scalar, also out of arrays and lists of one value; as an array [k] of several values."""
    if hasattr(item, "as_py"):
        item = item.as_py()
    if is_missing(item):
        return None
    if isinstance(item, list | np.ndarray) or hasattr(item, "detach"):
        array = as_array(item, "labels")
        return array.reshape(-1)[0] if array.size == 1 else array
    return item


def _one_hot(items: list[Any], names: Sequence[str] | None, role: str, start: int) -> list[str | None]:
    first = next(item for item in items if isinstance(item, np.ndarray))
    texts: list[str | None] = []
    for i, row in enumerate(items, start):
        if is_missing(row):
            texts.append(None)
            continue
        where = f"{role}[{i}]"
        if not isinstance(row, np.ndarray) or row.ndim != 1 or row.shape != first.shape or row.dtype.kind not in "biuf":
            raise _several(row, where)
        ones = np.flatnonzero(row == 1)
        if len(ones) != 1 or np.count_nonzero(row) != 1:
            none = by_interface(command="", python=" (None instead of a row: unlabelled)")
            what = "no class" if not np.count_nonzero(row) else "several classes, or shares of them"
            raise DataError(
                f"the row {_short(row)} has {what}",
                where=where,
                remedy="an image has one class: give one label for each image, or rows of zeros with a single one"
                f"{none}.",
            )
        texts.append(value_text(str(ones[0]) if names is None else _column(names, int(ones[0]), len(row)), where))
    return texts


def _column(names: Sequence[str], position: int, width: int) -> str:
    if len(names) != width:
        raise DataError(
            f"one-hot rows of {width} columns, but {len(names)} classes",
            where="labels",
            remedy="name a class for each column, in the order of the columns.",
        )
    return str(names[position])


def _refuse_same_text(items: Sequence[Any], texts: Sequence[str | None], role: str) -> None:
    seen: dict[str, Any] = {}
    for item, text in zip(items, texts, strict=True):
        if text is None:
            continue
        other = seen.setdefault(text, item)
        if not (isinstance(item, _TEXT) and isinstance(other, _TEXT)) and item != other:
            raise DataError(
                f"two different labels have the same name {text!r}", where=role, remedy="rename one of them."
            )


def _several(value: object, where: object) -> DataError:
    remedy = "give one value for each image, or one-hot rows."
    return DataError(f"{_short(value)} is not a single value", where=where, remedy=remedy)


def _short(value: object) -> str:
    text = " ".join(str(value.tolist() if isinstance(value, np.ndarray) else value).split())
    return text if len(text) <= 40 else text[:37] + "..."

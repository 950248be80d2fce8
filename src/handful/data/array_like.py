"""Array-like arguments by position: columns of pandas, polars and Arrow, tensors, lists, NumPy arrays."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from handful.errors import DataError


def as_items(values: Iterable[Any], role: str) -> list[Any]:
    """The items of an argument that holds one for each image, by position.

    A column of pandas answers `column[0]` with the row whose index is 0, wherever that stands after a shuffle or a
    selection. So every public function passes such an argument through here before it reads an item.

    Args:
        values: an array, a column of pandas, polars or Arrow, a tensor of PyTorch, a list or another iterable.
        role: the argument's name, for errors.

    Raises:
        DataError: the argument has no order (a set, a mapping), or is a single text or number.
    """
    if isinstance(values, str | bytes | Mapping | Set):
        raise _no_items(values, role)
    if hasattr(values, "to_pylist"):  # Arrow's own items are not numbers and texts
        return list(values.to_pylist())
    if isinstance(values, list | tuple):
        return list(values)
    if hasattr(values, "__array__") or hasattr(values, "toarray"):
        array = as_array(values, role)
        if array.ndim == 0:
            raise _no_items(values, role)
        return list(array)
    try:
        return list(values)
    except TypeError as error:
        raise _no_items(values, role) from error


def as_array(values: Any, where: object) -> npt.NDArray[Any]:
    """An array-like value as a NumPy array: a tensor of PyTorch on any device, a sparse matrix, a column, nested lists.

    Raises:
        DataError: it cannot be one, e.g. because its rows differ in length.
    """
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu()
            if "bfloat16" in str(values.dtype):  # NumPy has no such type
                values = values.float()
        elif hasattr(values, "toarray"):
            values = values.toarray()
        return values if isinstance(values, np.ndarray) else np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DataError(
            f"{type(values).__name__} cannot be read as an array ({error})",
            where=where,
            remedy="give a NumPy array, or convert it with numpy.asarray.",
        ) from error


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: None, NaN, NaT, pandas' NA or a masked item."""
    if value is None or value is np.ma.masked or type(value).__name__ == "NAType":
        return True
    return (isinstance(value, float | np.floating | np.datetime64 | np.timedelta64) and bool(value != value)) or (
        type(value).__name__ == "NaTType"
    )


def _no_items(values: object, role: str) -> DataError:
    return DataError(
        f"{type(values).__name__} does not hold one item for each image, in their order",
        where=role,
        remedy="give a list, an array or a column with one for each image.",
    )

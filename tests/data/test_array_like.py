from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest
import torch
from scipy.sparse import csr_matrix

from handful.data.array_like import as_array, as_items, is_missing
from handful.errors import DataError


class LikePolars:
    """A column that only offers itself as an array, as those of polars do."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array([3, 1, 2], dtype=dtype)

    def __iter__(self) -> Iterator[int]:
        return iter([3, 1, 2])


@pytest.mark.parametrize(
    "values",
    [
        [3, 1, 2],
        (3, 1, 2),
        iter([3, 1, 2]),
        np.array([3, 1, 2]),
        pd.Series([1, 2, 3]).iloc[[2, 0, 1]],
        pd.Index([3, 1, 2]),
        pd.Series([3, 1, 2], index=[7, 7, 0]),
        pd.Categorical([3, 1, 2]),
        pyarrow.array([3, 1, 2]),
        pyarrow.chunked_array([[3], [1, 2]]),
        torch.tensor([3.0, 1.0, 2.0], requires_grad=True),
        torch.tensor([3, 1, 2], dtype=torch.bfloat16),
        LikePolars(),
    ],
)
def test_items_are_in_order_whatever_holds_them(values: Any) -> None:
    assert [int(item) for item in as_items(values, "groups")] == [3, 1, 2]


@pytest.mark.parametrize("values", ["cat", b"cat", {"a": 1}, {1, 2}, np.array(3), torch.tensor(3)])
def test_what_has_no_items_in_an_order_is_refused_by_name(values: Any) -> None:
    with pytest.raises(DataError, match=r"groups: \w+ does not hold one item for each image(.|\n)*a list"):
        as_items(values, "groups")


def test_arrays_come_from_tensors_sparse_matrices_and_nested_lists() -> None:
    for values in (torch.eye(2), csr_matrix(np.eye(2)), pd.DataFrame(np.eye(2)), [[1, 0], [0, 1]]):
        assert as_array(values, "X").tolist() == [[1, 0], [0, 1]]
    with pytest.raises(DataError, match=r"X: list cannot be read as an array(.|\n)*numpy.asarray"):
        as_array([[1, 2], [3]], "X")


def test_every_kind_of_gap_is_missing() -> None:
    gaps = [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), np.ma.masked]
    assert all(is_missing(gap) for gap in gaps)
    values: list[Any] = ["", 0, False, "nan", [], np.zeros(3), pd.Timestamp("2020-01-01")]
    assert not any(is_missing(value) for value in values)

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest
import torch

from handful.data.labels import group_texts, label_texts
from handful.errors import DataError

CATS = ["cat", "dog", None]


@pytest.mark.parametrize(
    ("labels", "texts"),
    [
        (np.array(["cat", "dog", ""]), CATS),
        (np.array([["cat"], ["dog"], [""]]), CATS),
        (np.array([b"cat", b"dog", b""]), CATS),
        ([b"cat\0\0", bytearray(b"dog"), memoryview(b" ")], CATS),
        (np.array([[b"cat"], [b"dog"], [b""]], dtype=object), CATS),
        ([["cat"], np.array(["dog"]), None], CATS),
        (pd.Series(["cat", "dog", pd.NA], dtype="string"), CATS),
        (pd.Series(["dog", None, "cat"], dtype="category").iloc[[2, 0, 1]], CATS),
        (pd.DataFrame({"label": ["cat", "dog", None]}), CATS),
        (pyarrow.array(["cat", "dog", None]), CATS),
        (pyarrow.array([b"cat", b"dog", None]), CATS),
        (list(pyarrow.array(["cat", "dog", None])), CATS),
        (np.ma.array([1, 0, 5], mask=[False, False, True]), ["1", "0", None]),
        (np.array([1.0, 0.0, np.nan], dtype=np.float32), ["1", "0", None]),
        (pd.Series([1, 0, pd.NA], dtype="Int64"), ["1", "0", None]),
        ([Decimal("1.00"), 0.5, pd.NaT], ["1", "0.5", None]),
        (np.array([True, False, True]), ["True", "False", "True"]),
        (torch.tensor([[1], [0], [2]]), ["1", "0", "2"]),
        ([torch.tensor(1), torch.tensor([0]), np.int8(2)], ["1", "0", "2"]),
        (
            ["cafe\u0301", "caf\u00e9"],
            ["caf\u00e9"] * 2,
        ),
        ([("a", 1), ("b", 2)], ["('a', 1)", "('b', 2)"]),
    ],
)
def test_the_text_of_a_label_is_that_of_its_value(labels: Any, texts: list[str | None]) -> None:
    assert label_texts(labels) == texts


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, bool])
def test_one_hot_rows_are_read_by_their_columns(kind: type) -> None:
    rows: np.ndarray = np.eye(3, dtype=kind)[[2, 0, 2]]
    for labels in (rows, rows.tolist(), torch.from_numpy(rows), list(rows)):
        assert label_texts(labels) == ["2", "0", "2"]
    assert label_texts([*rows.tolist(), None]) == ["2", "0", "2", None]
    assert label_texts(rows, classes=["owl", "cat", "dog"]) == ["dog", "owl", "dog"]  # the order of the columns
    assert label_texts(pd.get_dummies(pd.Series(["b", "a"]))) == ["b", "a"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([[1, 0], [1, 1]]), r"labels\[1\]: the row \[1, 1\] has several classes(.|\n)*one class"),
        (np.array([[1, 0], [0, 0]]), r"labels\[1\]: the row \[0, 0\] has no class(.|\n)*None instead"),
        (np.array([[0.9, 0.1], [0, 1]]), r"labels\[0\]: the row .* shares"),
        (np.array([["a", "b"], ["c", "d"]]), r"labels\[0\]: \['a', 'b'\] is not a single value"),
        ([[0, 1], [0, 1, 0]], r"labels\[1\]: \[0, 1, 0\] is not a single value"),
        ([[0, 1], 1], r"labels\[1\]: 1 is not a single value"),
        ([{"a": 1}, 2], r"labels\[0\]: \{'a': 1\} is not a single value(.|\n)*one value for each image"),
        ([b"\xff\xfe", b"a"], r"labels\[0\]: .* is not UTF-8(.|\n)*decode"),
        ([0.0, np.inf], r"labels\[1\]: inf is not a label"),
        ([1, "1"], "two different labels have the same name '1'"),
    ],
)
def test_other_labels_are_refused_with_their_position(labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        label_texts(labels)
    with pytest.raises(DataError, match="one-hot rows of 2 columns, but 3 classes"):
        label_texts(np.eye(2), classes=["a", "b", "c"])


def test_groups_are_text_like_labels() -> None:
    assert group_texts(pd.Series([7.0, np.nan, 7])) == ["7", None, "7"]
    assert group_texts(np.array([[b"p1"], [b"p2"]])) == ["p1", "p2"]
    with pytest.raises(DataError, match=r"groups\[0\]: \[1, 2\] is not a single value"):
        group_texts([[1, 2], [3, 4]])

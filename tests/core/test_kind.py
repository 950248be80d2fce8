import pytest

from handful.core.dataset import Dataset
from handful.core.kind import Kind
from handful.errors import DataError


@pytest.mark.parametrize(
    ("kind", "what", "where"),
    [
        ("bag", "labels of these images belong to bags", "the classes a, b, c"),
        ("number", "have a number each, and this needs a class", "the quantities a, b, c"),
        ("multilabel", "have several labels each", "the classes a, b, c"),
    ],
)
def test_labels_of_other_kinds_are_refused_with_the_commands_that_take_them(kind: Kind, what: str, where: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        _ = Dataset((), ("a", "b", "c"), kind=kind).labels
    assert caught.value.where == where
    assert "evaluate and predict take" in (caught.value.remedy or "")


def test_of_many_classes_three_are_named() -> None:
    with pytest.raises(DataError) as caught:
        _ = Dataset((), ("a", "b", "c", "d"), kind="multilabel").labels
    assert caught.value.where == "the classes a, b, c, ..."

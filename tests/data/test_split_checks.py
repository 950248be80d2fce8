import pytest

from handful.core.dataset import Dataset
from handful.core.kind import Kind
from handful.data.splits import draw_counts
from handful.errors import DataError


@pytest.mark.parametrize(
    ("kind", "what", "remedy"),
    [
        ("number", "no classes to draw a long tail of", "draw evenly."),
        ("bag", "bags are drawn evenly", "draw the same number of each class."),
        ("multilabel", "the number of images of each class cannot be chosen", "draw the same number of each class."),
    ],
)
def test_an_uneven_draw_of_other_kinds_is_refused(kind: Kind, what: str, remedy: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        draw_counts(Dataset((), ("a", "b"), kind=kind), [2, 1], 0)
    assert (caught.value.where, caught.value.remedy) == ("a long-tailed draw", remedy)

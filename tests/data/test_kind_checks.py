from collections.abc import Callable
from dataclasses import replace

import pytest

from handful.core.dataset import Dataset
from handful.data.kind_checks import refuse_bags, refuse_multilabel, refuse_numbers
from handful.errors import DataError
from tests.support.datasets import bags_of_squares, numbered_squares, several_squares, squares

CHECKS: tuple[Callable[[Dataset, str], None], ...] = (refuse_bags, refuse_numbers, refuse_multilabel)


@pytest.mark.parametrize(
    ("data", "refusing", "what"),
    [
        (bags_of_squares(4), CHECKS, "a sweep needs a label per image, and the labels of these images belong to bags"),
        (numbered_squares(4), CHECKS[1:], "a sweep needs a class per image, and these images have a number each"),
        (several_squares(4), CHECKS[2:], "a sweep needs one label per image, and these images have several each"),
        (squares(2), (), ""),
        (replace(several_squares(4), kind="number"), CHECKS[1:], "a sweep needs a class per image"),
    ],
    ids=["bags", "numbers", "several", "one", "numbers of several"],
)
def test_each_check_refuses_its_kind_and_those_before_it(
    data: Dataset, refusing: tuple[Callable[[Dataset, str], None], ...], what: str
) -> None:
    assert _refusing(data) == refusing
    for check in refusing:
        with pytest.raises(DataError, match=what) as caught:
            check(data, "a sweep")
        assert "evaluate" in (caught.value.remedy or ""), "the remedy says what takes them"


def _refusing(data: Dataset) -> tuple[Callable[[Dataset, str], None], ...]:
    def refuses(check: Callable[[Dataset, str], None]) -> bool:
        try:
            check(data, "a sweep")
        except DataError:
            return True
        return False

    return tuple(check for check in CHECKS if refuses(check))

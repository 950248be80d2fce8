import numpy as np
import pytest

from handful.evaluation.confusion import Confusion, confusion_matrix, largest_confusions
from tests.support.results import result, run

TWO_DRAWS = result("a", run([0, 0, 1, 1], [0, 1, 1, 1]), run([0, 0, 1, 1], [1, 1, 1, 0], draw=1))


def test_rows_are_shares_of_a_class_over_all_draws() -> None:
    np.testing.assert_allclose(confusion_matrix(TWO_DRAWS), [[0.25, 0.75, 0.0], [0.25, 0.75, 0.0], [0.0, 0.0, 0.0]])


def test_the_largest_come_first_and_none_is_zero() -> None:
    first, second, _ = TWO_DRAWS.classes
    assert largest_confusions(TWO_DRAWS, 9) == [Confusion(first, second, 0.75), Confusion(second, first, 0.25)]
    assert largest_confusions(TWO_DRAWS, 1)[0].share == pytest.approx(0.75)

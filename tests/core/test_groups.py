import numpy as np
import pytest

from handful.core.groups import group_index, group_means


def test_means_are_of_the_rows_of_each_group_in_the_order_of_the_first_ones() -> None:
    names, index = group_index(["b", "a", "b"])
    assert names == ("b", "a")
    np.testing.assert_array_equal(index, [0, 1, 0])
    means = group_means(np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]), index, 2)
    assert means == pytest.approx(np.array([[0.5, 0.5], [0.5, 0.5]]))

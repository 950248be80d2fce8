import math
from collections.abc import Sequence

import numpy as np
import pytest

from handful.evaluation.multiple_testing import holm


def slow_holm(values: Sequence[float]) -> list[float]:
    """By its words: go up from the smallest; each is multiplied by how many are left, and none is below the last."""
    left = list(range(len(values)))
    adjusted = [0.0] * len(values)
    last = 0.0
    while left:
        i = min(left, key=lambda j: values[j])
        last = adjusted[i] = max(last, min(1.0, len(left) * values[i]))
        left.remove(i)
    return adjusted


def test_holm_is_the_step_down_procedure() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 5, 20):
        values = [float(v) for v in rng.random(n) ** 3]
        assert holm(values) == pytest.approx(slow_holm(values))


def test_holm_is_that_of_a_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_nan_stays_and_is_not_counted() -> None:
    assert holm([0.01, math.nan, 0.04])[0] == pytest.approx(0.02)
    assert math.isnan(holm([0.01, math.nan])[1])

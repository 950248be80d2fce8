"""Checks on options hold without a type checker, too: recipes are written by hand."""

from typing import Any

import pytest

from handful.parts.augment._part import check_number, check_range


@pytest.mark.parametrize("value", ["15", None, True, [1], float("nan"), -0.1, 1.1])
def test_not_a_number_in_range(value: object) -> None:
    with pytest.raises(ValueError, match=r"degrees must be a number between 0 and 1, not"):
        check_number("degrees", value, 0.0, 1.0)


def test_not_a_whole_number() -> None:
    check_number("grid", 4, 2.0, 64.0, whole=True)
    with pytest.raises(ValueError, match="a whole number between 2 and 64"):
        check_number("grid", 4.5, 2.0, 64.0, whole=True)


@pytest.mark.parametrize("value", [(1.0, 0.5), (0.5, 3.0), (0.5,), ("a", "b"), "ab", (float("nan"), 1.0)])
def test_not_a_range(value: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"zoom|value"):
        check_range("zoom", value, 0.0, 2.0)


def test_good_values_pass() -> None:
    check_number("degrees", 0.0, 0.0, 1.0)
    assert check_range("zoom", [1.0, 1.5], 0.0, 2.0) == (1.0, 1.5)

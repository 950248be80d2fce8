from typing import Any

import pytest

from handful.comparison.search_space import check_spaces, decode, distribution, encode, search_fingerprint, to_plain
from handful.errors import RecipeError
from tests.support.comparisons import searched


def test_a_space_with_a_value_that_fits_no_recipe_is_refused_before_training() -> None:
    bad = searched("bad", search="[search]\nlr = { low = -1.0, high = 1.0 }")
    with pytest.raises(RecipeError, match="learning rate"):
        check_spaces(bad)


@pytest.mark.parametrize("choices", [[1, 2], ["a", "b"], [[64, 64], [96, 96]], [(0.1, 0.2), 0.3]])
def test_a_stored_choice_is_decoded_to_its_value(choices: list[Any]) -> None:
    for choice in choices:
        stored = encode(choice)
        assert stored in distribution(choices).choices  # type: ignore[attr-defined]
        assert decode(stored, choices) == to_plain(choice)


def test_a_range_of_integers_is_one_and_others_are_of_floats() -> None:
    integers, floats = distribution({"low": 1, "high": 8, "log": True}), distribution({"low": 1, "high": 8.0})
    assert (type(integers).__name__, type(floats).__name__) == ("IntDistribution", "FloatDistribution")
    assert integers.log  # type: ignore[attr-defined]
    assert not floats.log  # type: ignore[attr-defined]
    assert decode(0.5, {"low": 0.1, "high": 1.0}) == 0.5


def test_name_and_texts_do_not_enter_the_fingerprint_but_the_space_does() -> None:
    first, other = searched("a"), searched("a", search="[search]\nsteps = [12, 18]\n")
    assert search_fingerprint(first) == search_fingerprint(searched("b"))
    assert search_fingerprint(first) != search_fingerprint(other)

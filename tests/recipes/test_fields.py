"""Tables that fit a dataclass's annotations, and those that do not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from handful.errors import RecipeError
from handful.recipes.fields import build
from handful.recipes.load import from_toml, load_recipe


@dataclass(frozen=True)
class Thing:
    name: str
    size: int = 3
    rate: float | None = None
    deep: bool = False
    form: Literal["round", "square"] = "round"
    shares: tuple[float, ...] = (0.5,)
    pair: tuple[int, int] | None = None
    parts: tuple[str, ...] | Literal["all"] = "all"
    notes: Mapping[str, Any] = field(default_factory=dict)


def test_values_are_kept_and_lists_become_tuples() -> None:
    thing = build(Thing, {"name": "a", "rate": 1, "shares": [0, 0.5], "parts": ["head"], "pair": (1, 2)}, "here")
    assert thing == Thing("a", rate=1, shares=(0, 0.5), parts=("head",), pair=(1, 2))
    assert str(thing.rate) == "1"  # a fingerprint tells 1 from 1.0
    assert build(Thing, {"name": "a", "pair": None}, "here") == Thing("a")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "here: 'name' is missing"),
        ({"name": 3}, "name cannot be 3.*give a text"),
        ({"name": "a", "siez": 3}, "unknown key 'siez'.*did you mean 'size'"),
        ({"name": "a", "size": "4"}, "size cannot be '4'.*give a whole number, e.g. 3"),
        ({"name": "a", "size": True}, "size cannot be True"),
        ({"name": "a", "size": 4.0}, "size cannot be 4.0"),
        ({"name": "a", "size": None}, "size cannot be None"),
        ({"name": "a", "rate": "fast"}, "rate cannot be 'fast'.*give a number"),
        ({"name": "a", "deep": 1}, "deep cannot be 1.*true or false"),
        ({"name": "a", "form": "sqare"}, "form is 'sqare'.*did you mean 'square'"),
        ({"name": "a", "form": 1}, 'form cannot be 1.*give "round" or "square"'),
        ({"name": "a", "shares": 0.5}, "shares cannot be 0.5.*give a list"),
        ({"name": "a", "shares": ["half"]}, "shares cannot be"),
        ({"name": "a", "pair": [1, 2, 3]}, "pair cannot be"),
        ({"name": "a", "parts": "al"}, "parts is 'al'.*all"),
        ({"name": "a", "parts": 3}, 'give a list or "all"'),
        ({"name": "a", "notes": "x"}, "give a table"),
        (7, "not a table: 7"),
    ],
)
def test_a_wrong_table_is_one_clear_error(values: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=f"(?s)here: .*{message}" if "here" not in message else message):
        build(Thing, values, "here")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("stages=3", "stages cannot be 3"),
        ("stages=[3]", "stages.0: not a table: 3"),
        ("augment=flip", "augment cannot be 'flip'.*a list"),
        ("stages.0.optimizer=3", "stages.0: optimizer: not a table"),
        ("stages.0.optimizer.lr=fast", "stages.0: optimizer: lr cannot be 'fast'.*a number"),
        ("stages.0.reset=all", "reset cannot be 'all'.*a list"),
        ("steps=100.0", "steps cannot be 100.0.*a whole number"),
        ('augment=[{name="flip",start="late"}]', "augment: start cannot be 'late'"),
    ],
)
def test_an_error_names_the_path_of_its_key(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=f"(?s){message}"):
        load_recipe("classification-wrn", overrides=["search={}", override])
    with pytest.raises(RecipeError, match="about cannot be 'x'"):
        from_toml('extends = "classification-wrn"\nabout = "x"', where="mine")

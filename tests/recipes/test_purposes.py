import pytest

from handful.recipes.purposes import PURPOSES, Control, control_of, purpose_of
from handful.recipes.read import read_recipe, recipe_names, recipe_text


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_has_one_purpose_of_the_list(name: str) -> None:
    recipe = read_recipe(recipe_text(name), where=name)
    assert recipe.about["purpose"] in PURPOSES
    assert purpose_of(recipe) == recipe.about["purpose"]


def test_every_purpose_has_recipes_and_begins_with_one_of_them() -> None:
    purposes = {name: purpose_of(read_recipe(recipe_text(name), where=name)) for name in recipe_names()}
    assert set(purposes.values()) == set(PURPOSES)
    assert {purpose: purposes[entry.first] for purpose, entry in PURPOSES.items()} == {p: p for p in PURPOSES}


def test_a_recipe_of_ones_own_needs_no_purpose() -> None:
    text = 'extends = "logistic"'
    assert purpose_of(read_recipe(text, where="mine")) is None
    assert purpose_of(read_recipe(text + '\n[about]\npurpose = "fun"', where="mine")) is None
    assert control_of(text) == Control("logistic")


def test_the_control_is_what_the_header_or_extends_names() -> None:
    assert control_of(recipe_text("cvs-wrn")) == Control(
        "classification-wrn", ("head", "prepare", "search", "stages.0.losses")
    )
    found = control_of(recipe_text("vipf-small"))
    assert found is not None
    assert found.name == "classification-resnext-small"
    assert control_of(recipe_text("classification-wrn")) is None
    for name in recipe_names():
        control = control_of(recipe_text(name))
        assert control is None or control.name in recipe_names()

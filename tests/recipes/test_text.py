import re

import pytest

from handful.core.recipe import Recipe
from handful.recipes.purposes import PURPOSES, control_of
from handful.recipes.read import read_recipe, recipe_names, recipe_text
from handful.recipes.text import format_explanation, format_recipes


def recipes() -> list[Recipe]:
    return [read_recipe(recipe_text(name), where=name) for name in recipe_names()]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_list_has_every_recipe_once_below_its_purpose_in_so_many_columns(width: int) -> None:
    blocks = format_recipes(recipes(), width=width).split("\n\n")
    assert len(blocks) == len(PURPOSES) + 1
    listed = []
    for (purpose, entry), block in zip(PURPOSES.items(), blocks, strict=False):
        assert max(map(len, block.splitlines())) <= width
        assert block.lower().startswith(purpose.lower() + ": ")
        assert " ".join(block.split()).count(f"Take them {entry.when}.") == 1
        names = [line.split()[0] for line in block.splitlines() if line.startswith("  ") and line[2] != " "]
        assert names[0] == entry.first
        listed += names
        for variants in re.findall(r"; also ((?:[\w-]+, )*[\w-]+)", " ".join(block.split())):
            listed += variants.split(", ")
    assert sorted(listed) == list(recipe_names())
    assert "-\n" not in format_recipes(recipes(), width=width)  # no name is broken at its hyphen


def test_a_recipe_of_ones_own_stands_last() -> None:
    own = read_recipe('extends = "logistic"', where="mine")
    assert format_recipes([own, recipes()[0]], width=80).split("\n\n")[-2].split() == ["Other", "recipes", "mine"]


@pytest.mark.parametrize("width", [60, 100])
@pytest.mark.parametrize("name", recipe_names())
def test_an_explanation_is_a_comment_with_what_is_stored_and_no_more(name: str, width: int) -> None:
    recipe = read_recipe(recipe_text(name), where=name)
    text = format_explanation(recipe, control_of(recipe_text(name)), width=width)
    assert all(line.startswith("#") and len(line) <= width for line in text.splitlines())
    plain = " ".join(text.replace("#", " ").split())
    for key in ("what", "time", "expected", "paper", "command"):
        assert " ".join(recipe.about[key].split()) in plain
    assert PURPOSES[recipe.about["purpose"]].when in plain
    assert "Control" in plain


def test_an_explanation_leaves_out_what_a_recipe_does_not_say() -> None:
    own = read_recipe('extends = "logistic"', where="mine")
    text = format_explanation(own, None, width=80)
    assert [line.split()[1] for line in text.splitlines()[2:]] == ["Control"]

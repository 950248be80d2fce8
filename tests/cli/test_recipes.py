from pathlib import Path

from tests.support.command_line import ok, ok_json


def test_recipes_lists_each_and_prints_one(inputs: Path) -> None:
    from handful.recipes.load import from_toml, recipe_names

    listed = ok("recipes")
    assert max(len(line) for line in listed.splitlines()) <= 60
    assert all(name in listed for name in recipe_names())
    assert [r["name"] for r in ok_json("recipes")["recipes"]] == list(recipe_names())
    text = ok("recipes", inputs / "cvs.toml", "--set", "steps=7")
    assert from_toml(text, where="printed").stages[0].steps == 7
    assert ok_json("recipes", inputs / "cvs.toml")["recipe"]["name"] == "cvs"

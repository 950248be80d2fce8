"""`handful recipes`: list recipes by purpose, or explain one."""

from typing import TYPE_CHECKING, Annotated

from typer import Argument

from handful.cli import _options as o

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handful.core.recipe import Recipe


def recipes(
    name: Annotated[
        str | None,
        Argument(
            metavar="NAME",
            show_default=False,
            help="Recipe to explain and to print as TOML, or NAME@BACKBONE; default: list all.",
        ),
    ] = None,
    set_: o.Sets = None,
    json: o.Json = False,
) -> None:
    """List recipes by purpose, or explain one.

    With NAME, prints the recipe as TOML, below what it is, when to take it, and what it costs; `handful recipes NAME
    > mine.toml` starts a recipe of your own.
    """
    from handful.cli._output import print_json, print_lines, print_to_stderr, width
    from handful.recipes.backbone_names import split_name
    from handful.recipes.purposes import control_of
    from handful.recipes.read import recipe_names, recipe_text
    from handful.recipes.text import format_explanation, format_recipes
    from handful.recipes.write import fingerprint, to_toml, to_tree

    if name is None:
        with print_to_stderr():
            listed = [_load(name, set_ or ()) for name in recipe_names()]
        if json:
            print_json({"recipes": [{"name": r.name, "fingerprint": fingerprint(r), **r.about} for r in listed]})
        else:
            print_lines(format_recipes(listed, width=width()))
        return
    with print_to_stderr():
        recipe = _load(name, set_ or ())
    if json:
        print_json({"fingerprint": fingerprint(recipe), "recipe": to_tree(recipe)})
    else:
        print_lines(format_explanation(recipe, control_of(recipe_text(split_name(name)[0])), width=width()))
        print_lines("")
        print_lines(to_toml(recipe).rstrip())


def _load(name: str, overrides: "Sequence[str]") -> "Recipe":
    """A recipe: one that comes with handful as it is, all others checked, for which PyTorch is imported."""
    from handful.recipes.read import read_recipe, recipe_names, recipe_text

    if name in recipe_names() and not overrides:
        return read_recipe(recipe_text(name), where=name)
    from handful.recipes.load import load_recipe

    return load_recipe(name, overrides=overrides)

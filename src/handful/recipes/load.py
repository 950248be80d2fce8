"""Load recipes: read, and checked against the parts that they name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handful.core.recipe import Recipe
from handful.recipes.bounds import check_values
from handful.recipes.checks import check
from handful.recipes.options import check_search
from handful.recipes.overrides import put
from handful.recipes.read import from_tree, read_recipe, recipe_text
from handful.recipes.read import recipe_names as recipe_names
from handful.recipes.renamed import current_path, to_current
from handful.recipes.write import to_tree


def load_recipe(name: str | Path, *, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe by name, or from a TOML file, with `key=value` overrides such as "head.pool=foreground".

    Keys are paths into the TOML ("stages.0.optimizer.lr=0.01"); `steps`, `epochs` and `lr` alone mean every stage.

    Raises:
        RecipeError: unknown recipe, key, part or option (with the nearest name), or a value that does not fit.

    Example:
        >>> from handful import load_recipe
        >>> recipe = load_recipe("classification-wrn", overrides=("steps=600", "lr=0.01"))
        >>> recipe.stages[0].steps, recipe.stages[0].optimizer.lr
        (600, 0.01)
    """
    return from_toml(recipe_text(str(name)), where=str(name), overrides=overrides)


def from_toml(text: str, *, where: str, overrides: Sequence[str] = ()) -> Recipe:
    """Parse and check a recipe's text.

    Raises:
        RecipeError: as `load_recipe`.
    """
    recipe = read_recipe(text, where=where, overrides=overrides)
    check(recipe)
    check_values(recipe)
    check_search(recipe)
    return recipe


def with_values(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with options set by their paths, as its search space names them.

    Raises:
        RecipeError: a path or value that does not fit.
    """
    tree = to_tree(recipe)
    for path, value in values.items():
        put(tree, current_path(tree, path).split("."), value)
    changed = from_tree(to_current(tree, recipe.name), recipe.name)
    check(changed)
    check_values(changed)
    return changed

"""Load recipes: read, and checked against the parts that they name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handful.core.recipe import Recipe
from handful.recipes.backbone_names import split_name
from handful.recipes.bounds import check_values
from handful.recipes.checks import check
from handful.recipes.options import check_search
from handful.recipes.overrides import put
from handful.recipes.read import from_tree, overridden, read_recipe, recipe_text
from handful.recipes.read import recipe_names as recipe_names
from handful.recipes.renamed import current_path, to_current
from handful.recipes.with_backbone import put_backbone
from handful.recipes.write import to_tree


def load_recipe(name: str | Path, *, backbone: str | None = None, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe by name, or from a TOML file, with `key=value` overrides such as "head.pool=foreground".

    Keys are paths into the TOML ("stages.0.optimizer.lr=0.01"); `steps`, `epochs` and `lr` alone mean every stage.

    Args:
        name: of the recipe, or NAME@BACKBONE.
        backbone: a backbone instead of the recipe's own: "lite0", "lite2", "lite0+lite2", "pixels", "hog", a model of
            timm ("vit_small_patch14_dinov2.lvd142m"), MODEL=FILE, or a folder; see `choose_backbone`.
        overrides: applied in order, after the backbone.

    Raises:
        RecipeError: unknown recipe, key, part, option or backbone (with the nearest name), or a value that does not
            fit; or a backbone that the recipe cannot work with.
        WeightsError: a backbone's file that is not there, or does not say which network it is of.

    Example:
        >>> from handful import load_recipe
        >>> recipe = load_recipe("classification-wrn", overrides=("steps=600", "lr=0.01"))
        >>> recipe.stages[0].steps, recipe.stages[0].optimizer.lr
        (600, 0.01)
    """
    where, named = split_name(str(name))
    return _load(recipe_text(where), where=where, backbone=backbone or named, overrides=overrides)


def from_toml(text: str, *, where: str, overrides: Sequence[str] = ()) -> Recipe:
    """Parse and check a recipe's text.

    Raises:
        RecipeError: as `load_recipe`.
    """
    return _load(text, where=where, backbone=None, overrides=overrides)


def with_backbone(recipe: Recipe, backbone: str) -> Recipe:
    """A recipe on another backbone, as `load_recipe` reads it.

    Raises:
        RecipeError, WeightsError: as `load_recipe`.
    """
    tree = to_tree(recipe)
    put_backbone(tree, backbone)
    return _checked(from_tree(tree, recipe.name))


def _load(text: str, *, where: str, backbone: str | None, overrides: Sequence[str]) -> Recipe:
    if backbone is None:
        return _checked(read_recipe(text, where=where, overrides=overrides))
    tree = to_tree(read_recipe(text, where=where))
    put_backbone(tree, backbone)
    return _checked(from_tree(overridden(tree, overrides), where))


def _checked(recipe: Recipe) -> Recipe:
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

"""Recipes for looking at one part on its own: the label embeddings or the class hierarchy."""

import json
from collections.abc import Sequence
from pathlib import Path

from handful.core.recipe import Recipe
from handful.errors import RecipeError, option
from handful.recipes.load import load_recipe

PLAIN = "classification-wrn"  # used if no recipe is given: its other parts matter only to `classifier_weights`


def labels_recipe(
    recipe: str | Path | None = None,
    *,
    source: str | None = None,
    path: str | None = None,
    aliases: Path | None = None,
    overrides: Sequence[str] = (),
) -> Recipe:
    """A recipe whose label embeddings can be compared with each other.

    Args:
        recipe: name or TOML file; None: word embeddings.
        source: source of the word embeddings, see `TextSource`.
        path: file, folder or model name of the source.
        aliases: TOML or CSV file with text to embed instead of class names.
        overrides: as for `load_recipe`; they come last.

    Raises:
        RecipeError: as `load_recipe`; or its labels are one-hot, so that there is nothing to compare.
    """
    options = {"source": source, "path": path, "aliases": aliases}
    chosen = [f"labels.{key}={json.dumps(str(value))}" for key, value in options.items() if value is not None]
    if recipe is None:
        chosen.insert(0, 'labels={name="word_embeddings"}')
    loaded = load_recipe(recipe or PLAIN, overrides=[*chosen, *overrides])
    if loaded.labels.name == "one_hot":
        raise RecipeError(
            "the labels of this recipe are one-hot: all classes are equally dissimilar",
            where=loaded.name,
            remedy=f"use another recipe, or none, or add {option('overrides', 'labels.name=word_embeddings')}.",
        )
    return loaded


def hierarchy_recipe(
    recipe: str | Path | None = None, *, source: str | None = None, overrides: Sequence[str] = ()
) -> Recipe:
    """A recipe with a class hierarchy.

    Args:
        recipe: name or TOML file; None: a plain one, with the hierarchy of `source`.
        source: name of the hierarchy part, instead of the recipe's own; None without a recipe: "embeddings".
        overrides: as for `load_recipe`; they come last.

    Raises:
        RecipeError: as `load_recipe`; or it has no hierarchy.
    """
    if recipe is None and source is None:
        source = "embeddings"
    chosen = [] if source is None else [f'hierarchy={{name="{source}"}}']
    loaded = load_recipe(recipe or PLAIN, overrides=[*chosen, *overrides])
    if loaded.hierarchy is None:
        raise RecipeError(
            "this recipe has no hierarchy", where=loaded.name, remedy=f"name a source: {option('source', 'NAME')}."
        )
    return loaded

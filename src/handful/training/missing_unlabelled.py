"""Recipes that label unlabelled images and get none: they train as another recipe does, and their name misleads."""

import warnings
from collections.abc import Sequence

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.errors import HandfulWarning, by_interface, offers, option
from handful.parts.registry import has_trait

WITHOUT = "no image without a label"  # part of the warning, for filters


def spreads_labels(recipe: Recipe) -> bool:
    """Whether a recipe labels images that have no label, before it trains or in its head: all that is special of it."""
    return has_trait("heads", recipe.head, "uses_unlabelled") or any(
        has_trait("prepare", part, "uses_unlabelled") for part in recipe.prepare
    )


def warn_without_unlabelled(recipes: Sequence[Recipe], data: Dataset) -> None:
    """Warn of recipes that label unlabelled images, where they get none.

    Args:
        recipes: those that get none.
        data: whose images without a label, if there are any, are not asked for. Of those with candidates, which always
            train, such recipes find the label; with any of these nothing is said.
    """
    train = data.split("train", None)
    if train.has_candidates:
        return
    names = list(dict.fromkeys(recipe.name for recipe in recipes if spreads_labels(recipe)))
    if not names:
        return
    one = len(names) == 1
    text = f"{', '.join(names)} {'gets' if one else 'get'} {WITHOUT}, so that {'it learns' if one else 'they learn'} "
    text += "from the labelled ones alone"
    if len(train.unlabelled()):
        asked = option("unlabelled", "given")
        text += "; " + by_interface(
            command=f"{asked if offers('unlabelled') else f'`handful evaluate {asked}`'} scores with those of the data",
            python='Protocol(unlabelled="given") of evaluate scores with those of the data',
        )
    else:
        text += "; " + by_interface(
            command="put such images into a folder unlabelled, or leave their cell empty in a table",
            python="add samples whose label is None",
        )
    warnings.warn(text, HandfulWarning, stacklevel=3)

"""Checks of a recipe against data and protocol, before anything is trained."""

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.unlabelled import with_an_unlabelled_sample
from handful.evaluation.protocol import Protocol
from handful.recipes.checks import check
from handful.recipes.kinds import check_kind


def check_recipe(recipe: Recipe, data: Dataset, protocol: Protocol) -> None:
    """Refuse a recipe whose parts, or the recipes that these train, do not fit each other or the data.

    Args:
        recipe: what would be evaluated.
        data: the whole data set.
        protocol: says whether runs get images without a label, and so train what labels them.

    Raises:
        RecipeError, TrainingError: as `check` and `check_kind`.
    """
    check(recipe)
    unlabelled = protocol.unlabelled != "none" or protocol.transductive
    check_kind(recipe, with_an_unlabelled_sample(data) if unlabelled else data.supervised())

"""A recipe's hierarchy on its own, to look at before training with it."""

import numpy as np

from handful.core.context import Task
from handful.core.dataset import Dataset
from handful.core.hierarchy import Hierarchy
from handful.core.recipe import Part, Recipe
from handful.data.splits import training_split
from handful.parts import registry
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier
from handful.training.train import train


def induced_hierarchy(recipe: Recipe, data: Dataset, *, seed: int = 0, device: str = "auto") -> Hierarchy:
    """The tree that training `recipe` on `data`'s training part would use; of the data's `prepare` parts none is run.

    Args:
        recipe: names the hierarchy; without one, that of word embeddings.
        data: gives the classes, and images where a network is trained for the tree.
        seed: of that training.
        device: as for `train`.

    Raises:
        DataError, RecipeError, WeightsError, ModelError, TrainingError: as the part.
    """
    part = training_split(data)
    known = part.select(np.flatnonzero(part.labels >= 0))
    task = Task(data.classes, known.counts)

    def fit(plan: Recipe, chosen: Dataset, number: int) -> object:
        return train(plan, chosen, seed=number, device=device)

    context = registry.make_context(
        recipe, task, seed=seed, fit=fit, load=load_classifier, named=load_recipe, data=known
    )
    found: Hierarchy = registry.build("hierarchies", recipe.hierarchy or Part("embeddings"), context)
    return found

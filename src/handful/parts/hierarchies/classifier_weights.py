"""NBDT's induced hierarchy: agglomerative clustering of the weight rows of a trained classifier (Wan et al. 2020).

https://arxiv.org/abs/2004.00221. A plain network is trained first, and classes with nearby rows in the last linear
layer are joined. Each row is scaled to length 1; Ward's linkage is the default of the authors' code.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import nn

from handful.core.context import Context, NestedRun
from handful.core.dataset import Dataset
from handful.core.hierarchy import Hierarchy
from handful.core.recipe import Part, Recipe
from handful.core.text import listed
from handful.errors import ModelError, RecipeError, TrainingError
from handful.models.classifier import Classifier
from handful.parts.hierarchies._tree import check_classes, check_clustering, cluster, normalize_rows

loads_model = "model"
HERE = "hierarchies/classifier_weights"


def build(
    context: Context,
    *,
    recipe: str | None = None,
    model: str | None = None,
    linkage: str = "ward",
    metric: str = "euclidean",
    normalize: bool = True,
) -> Hierarchy:
    """A binary tree over the classes.

    Args:
        context: trains a classifier on its training split, or loads one.
        recipe: name of the recipe that is trained first; None: the context's recipe with cross-entropy as its only
            loss.
        model: folder of a saved classifier, instead of training one. Evaluation refuses one that was trained on scored
            images, which its card tells.
        linkage: "ward", "average", "complete" or "single".
        metric: "euclidean", or "cosine" (not with "ward").
        normalize: scale the rows to length 1 first.

    Raises:
        ModelError: the saved classifier has other classes, or its head has no linear layer.
        RecipeError: no such recipe, or it has a hierarchy itself.
        TrainingError: the training fails.
        ValueError: options that exclude each other.
    """
    check_clustering(linkage, metric)
    check_classes(context.task.classes)
    if model is not None and recipe is not None:
        raise ValueError("give a recipe to train or a model to load, not both")
    rows = class_rows(_load(context, model) if model is not None else _train(context, recipe), context.task.classes)
    return cluster(normalize_rows(rows) if normalize else rows, context.task.classes, method=linkage, metric=metric)


def nested_runs(context: Context, data: Dataset, *, recipe: str | None, model: str | None) -> Iterator[NestedRun]:
    """The classifier whose weights are clustered, unless it is saved."""
    if model is None:
        yield plain_recipe(context, recipe), data.labelled()


def class_rows(classifier: Classifier, classes: tuple[str, ...]) -> Float[np.ndarray, "k c"]:
    """The weight row of each class's logit, in the order of `classes`, without biases.

    Raises:
        ModelError: the classes differ, or the head has no linear layer.
    """
    if sorted(classifier.classes) != sorted(classes):
        different = sorted(set(classifier.classes) ^ set(classes))
        raise ModelError(
            f"the classifier has other classes: {listed([repr(name) for name in different], 9)} are on one side only",
            where=HERE,
            remedy="give one that was trained on these classes, or a recipe to train.",
        )
    head = classifier.network.head
    linear = getattr(getattr(head, "classify", head), "linear", None)
    if not isinstance(linear, nn.Linear):
        raise ModelError(
            "the head has no linear layer whose rows are the classes",
            where=f"{HERE}: {classifier.recipe.head.name}",
            remedy="name a recipe with head linear, e.g. recipe = 'classification-wrn'.",
        )
    rows = classifier.labels.vectors.to(linear.weight) @ linear.weight.detach()
    order = [classifier.classes.index(name) for name in classes]
    return np.asarray(rows.float().cpu().numpy()[order])


def plain_recipe(context: Context, name: str | None) -> Recipe:
    """The recipe that is trained first, without hierarchy, `prepare` (the data are prepared already) and `posthoc`.

    Raises:
        RecipeError: no such recipe, or it has a hierarchy itself.
    """
    if name is None:
        recipe = context.recipe
        stages = tuple(replace(stage, losses=(Part("cross_entropy"),)) for stage in recipe.stages)
        plain = replace(recipe, name=f"{recipe.name}-plain", stages=stages, hierarchy=None)
        return replace(plain, prepare=(), posthoc=(), peers=0)
    named = context.recipe_named(name, where=HERE)
    if named.hierarchy is not None:
        raise RecipeError(f"recipe {name!r} has a hierarchy itself", where=HERE, remedy="name a plain one.")
    return replace(named, prepare=(), posthoc=())


def _train(context: Context, recipe: str | None) -> Classifier:
    if context.fit is None or context.data is None:
        raise TrainingError("training is not possible here", where=HERE, remedy="give a saved `model`.")
    trained: Classifier = context.fit(plain_recipe(context, recipe), context.data, context.seed)
    return trained


def _load(context: Context, folder: str) -> Classifier:
    if context.load is None:
        raise TrainingError("saved models cannot be loaded here", where=HERE)
    loaded: Classifier = context.load(Path(folder))
    return loaded

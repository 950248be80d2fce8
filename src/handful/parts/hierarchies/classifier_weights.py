"""The tree that agglomerative clustering of a trained classifier's weight rows gives, NBDT's induced hierarchy.

Wan et al. 2020, https://arxiv.org/abs/2004.00221: a plain network is trained first, and classes whose rows of the last
linear layer are near each other are joined. They scale each row to length 1; Ward's linkage is their code's default.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import nn

from handful.core.context import Context
from handful.core.hierarchy import Hierarchy
from handful.core.recipe import Part, Recipe
from handful.errors import ModelError, RecipeError, TrainingError
from handful.models.classifier import Classifier
from handful.parts.hierarchies._tree import check_classes, check_clustering, cluster, unit

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
        context: trains on its training split, or loads.
        recipe: what to train first, by name; None: the context's own recipe with cross-entropy as its only loss.
        model: a saved classifier's folder, instead. What it was trained on is the user's to know: it must not have
            seen the images that will be tested on.
        linkage: "ward", "average", "complete" or "single".
        metric: "euclidean", or, not with Ward's linkage, "cosine".
        normalize: scale the rows to length 1 first.

    Raises:
        ModelError: the saved classifier's classes are others, or its head has no linear layer.
        RecipeError, TrainingError: as for training.
        ValueError: options that do not go together.
    """
    check_clustering(linkage, metric)
    check_classes(context.task.classes)
    if model is not None and recipe is not None:
        raise ValueError("give a recipe to train or a model to load, not both")
    rows = class_rows(_load(context, model) if model is not None else _train(context, recipe), context.task.classes)
    return cluster(unit(rows) if normalize else rows, context.task.classes, method=linkage, metric=metric)


def class_rows(classifier: Classifier, classes: tuple[str, ...]) -> Float[np.ndarray, "k c"]:
    """What each class's logit multiplies the features with, in the order of `classes`; biases are left out.

    Raises:
        ModelError: other classes, or no linear layer in the head.
    """
    if sorted(classifier.classes) != sorted(classes):
        other = sorted(set(classifier.classes) ^ set(classes))
        raise ModelError(
            f"the classifier knows other classes: {', '.join(map(repr, other[:9]))} only one side has",
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
    """The recipe that is trained first: no hierarchy, no `prepare` (the data are prepared), no `posthoc`.

    Raises:
        RecipeError: no such recipe, or the named one needs a hierarchy itself.
    """
    if name is None:
        own = context.recipe
        stages = tuple(replace(stage, losses=(Part("cross_entropy"),)) for stage in own.stages)
        return replace(own, name=f"{own.name}-plain", stages=stages, hierarchy=None, prepare=(), posthoc=())
    named = context.recipe_named(name, where=HERE)
    if named.hierarchy is not None:
        raise RecipeError(f"recipe {name!r} has a hierarchy itself", where=HERE, remedy="name a plain one.")
    return replace(named, prepare=(), posthoc=())


def _train(context: Context, recipe: str | None) -> Classifier:
    if context.fit is None or context.data is None:
        raise TrainingError("nothing can be trained here", where=HERE, remedy="give a saved `model`.")
    trained: Classifier = context.fit(plain_recipe(context, recipe), context.data, context.seed)
    return trained


def _load(context: Context, folder: str) -> Classifier:
    if context.load is None:
        raise TrainingError("saved models cannot be loaded here", where=HERE)
    loaded: Classifier = context.load(Path(folder))
    return loaded

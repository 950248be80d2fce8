"""The runs that a recipe's parts start besides its own: teachers, segmenters, members of an ensemble, and theirs."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from handful.core.context import Context, Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.core.tensors import LabelEmbedding
from handful.data.unlabelled import with_an_unlabelled_sample
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.traits import Folder, uses_unlabelled
from handful.recipes.load import load_recipe


def nested_runs(recipe: Recipe, data: Dataset) -> Iterator[tuple[Recipe, Dataset]]:
    """Each recipe that training would train besides its own, in the order of the parts, ahead of those that it starts.

    Its name says what starts it, as in "ldam-wrn, which posthoc/ensemble of logistic trains".

    Args:
        recipe: what would be trained.
        data: the training images, before the recipe's `prepare` parts.

    Yields:
        The recipe as it would be trained, and its images. Masks and labels that a `prepare` part gives are not there.

    Raises:
        RecipeError: a part names a recipe that does not exist, that it cannot use, or that leads back to itself.
    """
    yield from _below(recipe, data, ())


def learns_from_unlabelled(recipe: Recipe, data: Dataset) -> bool:
    """Whether training uses images without a label: the recipe itself, or one that its parts train on them.

    Args:
        recipe: what would be trained.
        data: labelled training images; with or without others.

    Raises:
        RecipeError: as `nested_runs`.
    """
    nested = nested_runs(recipe, with_an_unlabelled_sample(data))
    return uses_unlabelled(recipe) or any(
        uses_unlabelled(inner) and any(not s.supervised for s in images.samples) for inner, images in nested
    )


def _below(recipe: Recipe, data: Dataset, above: tuple[Recipe, ...]) -> Iterator[tuple[Recipe, Dataset]]:
    above = (*above, recipe)
    one_hot = LabelEmbedding(torch.eye(len(data.classes)))
    context = Context(Task(data.classes, data.counts, data.kind), one_hot, recipe, named=load_recipe)
    for folder, part in _parts(recipe):
        for inner, images in registry.nested_runs(folder, part, context, data):
            place = f"{folder}/{part.name} of {recipe.name}"
            if inner in above:
                raise RecipeError(
                    f"recipe {inner.name!r} would train itself, without end",
                    where=place,
                    remedy="name another recipe there.",
                )
            yield replace(inner, name=f"{inner.name}, which {place} trains"), images
            yield from _below(inner, images, above)


def _parts(recipe: Recipe) -> Iterator[tuple[Folder, Part]]:
    """The parts that may train a recipe, in the order in which they are built."""
    yield from (("prepare", part) for part in recipe.prepare)
    if recipe.hierarchy is not None:
        yield "hierarchies", recipe.hierarchy
    yield from (("losses", part) for stage in recipe.stages for part in stage.losses)
    yield from (("posthoc", part) for part in recipe.posthoc)

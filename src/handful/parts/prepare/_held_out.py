"""Class probabilities of labelled images from models that did not see them, by cross-validation, before training."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from handful.core.context import Context, NestedRun
from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Recipe
from handful.data.split_checks import group_of
from handful.data.splits import folds as split_folds
from handful.parts.traits import uses_unlabelled

CLEANING = ("clean_labels", "clean_by_text")  # they would call themselves


def judge_of(context: Context, name: str | None, *, here: str) -> Recipe:
    """The named recipe, or the recipe itself, without what follows training and without parts that clean labels."""
    judge = context.recipe if name is None else context.recipe_named(name, where=here)
    return replace(judge, prepare=tuple(p for p in judge.prepare if p.name not in CLEANING), posthoc=())


def judge_runs(context: Context, data: Dataset, name: str | None, *, here: str) -> Iterator[NestedRun]:
    """The judge on the images of the cross-validation; none where a class has too few for it."""
    labelled = data.labelled()
    if fewest_groups(labelled) < 2:
        return
    judge = judge_of(context, name, here=here)
    yield judge, replace(data, samples=(*labelled.samples, *_unlabelled_for(judge, data)))


def fewest_groups(labelled: Dataset) -> int:
    """Groups of the class that has the fewest: so many folds are possible."""
    groups = ({group_of(s) for s in labelled.samples if s.label == c} for c in range(len(labelled.classes)))
    return min(map(len, groups), default=0)


def held_out(context: Context, judge: Recipe, data: Dataset, folds: int, *, here: str) -> Float[np.ndarray, "n k"]:
    """Class probabilities of each labelled image, by a model of the other folds.

    Args:
        context: trains the models.
        judge: what is trained; it learns from images without a label too, if it can.
        data: labelled and unlabelled images.
        folds: of the cross-validation.
        here: the part that asks, for errors.
    """
    labelled = data.labelled()
    rows = {s.id: i for i, s in enumerate(labelled.samples)}
    probabilities = np.zeros((len(labelled), len(data.classes)))
    unlabelled = _unlabelled_for(judge, data)
    for number, (train, rest) in enumerate(split_folds(_without_splits(labelled), folds, context.seed), start=1):
        recipe = replace(judge, name=f"{judge.name}, fold {number} of {folds}")  # shown by the progress bar
        model = context.train(recipe, replace(train, samples=(*train.samples, *unlabelled)), context.seed, where=here)
        probabilities[[rows[s.id] for s in rest.samples]] = model.probabilities(rest.without_labels())
    return probabilities


def _unlabelled_for(judge: Recipe, data: Dataset) -> tuple[Sample, ...]:
    """The images without a label, if the judge learns from such."""
    return data.unlabelled().samples if uses_unlabelled(judge) else ()


def _without_splits(data: Dataset) -> Dataset:
    return replace(data, samples=tuple(replace(s, split=None) for s in data.samples))

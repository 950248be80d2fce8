"""Remove the labels that look wrong to models that did not see the image, before training: confident learning.

Northcutt et al. 2021, https://arxiv.org/abs/1911.00068, by cleanlab: the training images are predicted by
cross-validation, and a label is suspected where both of its filters pick it, as in `handful inspect`. The image stays,
without its label, for recipes that learn from such images.

Hard images are suspected with the wrong labels, and where all labels are right, only they are. A wrong label is
contradicted surely and a hard image is not: of the held-out errors that wrong labels cause most are suspects, of others
few. So labels are removed only where the suspects are more than the share `least` of the held-out errors.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.split_checks import group_of
from handful.data.splits import folds as split_folds
from handful.parts.prepare._masking import Prepare
from handful.parts.traits import uses_unlabelled

HERE = "prepare/clean_labels"
MOST = 0.5  # of a class's labels that are removed: the least probable ones


def suspects(
    labels: Int[np.ndarray, " n"], probabilities: Float[np.ndarray, "n k"], *, least: float
) -> Bool[np.ndarray, " n"]:
    """The labels that are suspected to be wrong; none if they are too few of the errors.

    Args:
        labels: as given.
        probabilities: of each class, from models that did not see the image.
        least: share of the errors of these models that the suspects must exceed, from 0 to below 1.
    """
    from cleanlab.filter import find_label_issues

    errors = probabilities.argmax(axis=1) != labels
    found: np.ndarray = np.asarray(find_label_issues(labels, probabilities, filter_by="both", n_jobs=1)) & errors
    if found.sum() <= least * errors.sum():
        return np.zeros_like(found)
    given = probabilities[np.arange(len(labels)), labels]
    for c in np.unique(labels):
        members = np.flatnonzero(found & (labels == c))
        most = int(MOST * (labels == c).sum())
        found[members[np.argsort(given[members], kind="stable")][most:]] = False
    return found


def build(context: Context, *, recipe: str | None = None, folds: int = 5, least: float = 0.5) -> Prepare:
    """Remove suspected labels. With one image, or one group, of a class nothing is predicted, and nothing is removed.

    Args:
        context: trains the models, from the run's own seed.
        recipe: what is trained on the other folds, by name, without its `posthoc`; None: the recipe itself.
        folds: of the cross-validation; fewer where a class has fewer images.
        least: see `suspects`; 0 removes all suspects.

    Raises:
        ValueError: an option out of range.
        RecipeError: no such recipe.
    """
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
        raise ValueError(f"folds must be a whole number from 2 up, not {folds!r}")
    if isinstance(least, bool) or not 0 <= least < 1:
        raise ValueError(f"least must be in [0, 1), not {least!r}")
    judge = _judge(context, recipe)

    def prepare(data: Dataset) -> Dataset:
        labelled = data.labelled()
        fewest = min((len(_groups(labelled, c)) for c in range(len(data.classes))), default=0)
        if fewest < 2:
            return data
        probabilities = _held_out(context, judge, labelled, data, min(folds, fewest))
        found = suspects(labelled.labels, probabilities, least=least)
        removed = {s.id for s, wrong in zip(labelled.samples, found, strict=True) if wrong}
        without = data.without_labels().samples
        samples = (new if old.id in removed else old for new, old in zip(without, data.samples, strict=True))
        return replace(data, samples=tuple(samples))

    return prepare


def _judge(context: Context, name: str | None) -> Recipe:
    """The named recipe, or the recipe itself, without what follows training and without this part."""
    judge = context.recipe if name is None else context.recipe_named(name, where=HERE)
    return replace(judge, prepare=tuple(p for p in judge.prepare if p.name != "clean_labels"), posthoc=())


def _groups(data: Dataset, label: int) -> set[str]:
    return {group_of(s) for s in data.samples if s.label == label}


def _held_out(
    context: Context, judge: Recipe, labelled: Dataset, data: Dataset, folds: int
) -> Float[np.ndarray, "n k"]:
    """Class probabilities of each labelled image, by a model of the other folds."""
    rows = {s.id: i for i, s in enumerate(labelled.samples)}
    probabilities = np.zeros((len(labelled), len(data.classes)))
    unlabelled = data.unlabelled().samples if uses_unlabelled(judge) else ()
    for number, (train, held_out) in enumerate(split_folds(_without_splits(labelled), folds, context.seed), start=1):
        recipe = replace(judge, name=f"{judge.name}, fold {number} of {folds}")  # shown by the progress bar
        seen = replace(train, samples=(*train.samples, *unlabelled))
        model = context.train(recipe, seen, context.seed, where=HERE)
        probabilities[[rows[s.id] for s in held_out.samples]] = model.probabilities(held_out.without_labels())
    return probabilities


def _without_splits(data: Dataset) -> Dataset:
    return replace(data, samples=tuple(replace(s, split=None) for s in data.samples))

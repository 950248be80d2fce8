"""Remove the labels that look wrong to models that did not see the image, before training: confident learning.

Northcutt et al. 2021, https://arxiv.org/abs/1911.00068, by cleanlab: the training images are predicted by
cross-validation, and a label is suspected where both of its filters pick it, as in `handful inspect`. The image stays,
without its label, for recipes that learn from such images.

Hard images are suspected with the wrong labels, and where all labels are right, only they are. A wrong label is
contradicted surely and a hard image is not: of the held-out errors that wrong labels cause most are suspects, of others
few. So labels are removed only where the suspects are more than the share `least` of the held-out errors.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from handful.core.context import Context, NestedRun
from handful.core.dataset import Dataset
from handful.parts.prepare._held_out import fewest_groups, held_out, judge_of, judge_runs
from handful.parts.prepare._masking import Prepare

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
    judge = judge_of(context, recipe, here=HERE)

    def prepare(data: Dataset) -> Dataset:
        labelled = data.labelled()
        fewest = fewest_groups(labelled)
        if fewest < 2:
            return data
        probabilities = held_out(context, judge, data, min(folds, fewest), here=HERE)
        found = suspects(labelled.labels, probabilities, least=least)
        removed = {s.id for s, wrong in zip(labelled.samples, found, strict=True) if wrong}
        without = data.without_labels().samples
        samples = (new if old.id in removed else old for new, old in zip(without, data.samples, strict=True))
        return replace(data, samples=tuple(samples))

    return prepare


def nested_runs(context: Context, data: Dataset, *, recipe: str | None) -> Iterator[NestedRun]:
    """What is trained on the other folds."""
    yield from judge_runs(context, data, recipe, here=HERE)

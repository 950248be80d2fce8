"""Cross-fitting: what networks trained on the other folds say of each training image. No test image is looked at.

Weights of an ensemble, a temperature, conformal scores and thresholds of rejection all come from such held-out images.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from handful.core.context import Context, Fit
from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Recipe
from handful.data.splits import folds as cut
from handful.errors import TrainingError
from handful.models.classifier import Classifier
from handful.models.posthoc_module import posthoc_modules
from handful.parts.traits import has_trait

MOST = 4096  # combinations of weights that are tried


@dataclass(frozen=True, eq=False)
class Fold:
    """A classifier with what it was trained on, the images left out, and what it says of these."""

    classifier: Classifier
    train: Dataset
    held: Dataset
    logits: Float[np.ndarray, "m k"]
    features: Float[np.ndarray, "m c"]


def rotations(data: Dataset, folds: int, seed: int) -> Iterator[tuple[Dataset, Dataset]]:
    """Training and held-out images of each fold; a mask that was propagated is taken away from both.

    Raises:
        DataError: a class has fewer images or groups than folds.
    """
    data = replace(data, samples=tuple(replace(fresh(s), split=None) for s in data.samples))
    yield from cut(data, folds, seed)


def cross_fit(context: Context, data: Dataset, *, folds: int) -> tuple[Fold, ...]:
    """Train the recipe on the other folds, for each fold; without the parts that calibrate.

    Several parts of one recipe share the networks: they are trained once, and `context.folds` holds them.

    Raises:
        DataError: a class has fewer images or groups than folds.
    """
    assert context.fit is not None, "train hands its own function in"
    if folds not in context.folds:
        recipe = replace(context.recipe, posthoc=plain_parts(context.recipe))
        each = []
        for number, (train, held) in enumerate(rotations(data, folds, context.seed), start=1):
            recipe = replace(recipe, name=f"{context.recipe.name}, fold {number} of {folds}")  # what its bar says
            classifier: Classifier = context.fit(recipe, train, context.seed)
            each.append(Fold(classifier, train, held, *read(classifier, held)))
        context.folds[folds] = tuple(each)
    trained: tuple[Fold, ...] = context.folds[folds]
    return trained


def plain_parts(recipe: Recipe) -> tuple[Any, ...]:
    """The recipe's posthoc parts that change what is predicted, and not only what is said of it."""
    return tuple(part for part in recipe.posthoc if not has_trait("posthoc", part, "calibrates"))


def plain_network(network: nn.Module) -> nn.Module:
    """The network inside the calibrating parts that wrap it."""
    for module in posthoc_modules(network):
        if not has_trait("posthoc", module.part, "calibrates"):
            return module
        network = module.network
    return network


def read(classifier: Classifier, data: Dataset) -> tuple[Float[np.ndarray, "m k"], Float[np.ndarray, "m c"]]:
    """Logits and features of each sample, which is shown without its label and mask; float32."""
    outputs = list(classifier.outputs(data.without_labels()))
    logits, features = (torch.cat([getattr(o, name) for o in outputs]) for name in ("logits", "features"))
    return logits.float().cpu().numpy(), features.float().cpu().numpy()


def possible_folds(context: Context, folds: int) -> int:
    """As many folds as asked for, or as the smallest class has images or groups; 1: nothing can be left out.

    Raises:
        DataError: its groups are so large that a fold would lack a class.
    """
    fewest = int(context.task.counts.min())
    if context.data is not None:
        known = [(s.label, s.id if s.group is None else f"group:{s.group}") for s in context.data.samples]
        fewest = min(len({g for own, g in known if own == label}) for label in range(len(context.task.classes)))
    number = min(folds, fewest)
    if number > 1 and context.data is not None:
        list(rotations(context.data, number, context.seed))
    return max(1, number)


def check_folds(folds: int) -> None:
    """Refuse a number of folds that is none.

    Raises:
        ValueError: it is no whole number from 2 up.
    """
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
        raise ValueError(f"folds must be a whole number from 2 up, not {folds!r}")


def noted(classifier: Classifier, **facts: Any) -> Classifier:
    """The classifier with these facts under "calibration" in its card."""
    return replace(
        classifier, card={**classifier.card, "calibration": {**classifier.card.get("calibration", {}), **facts}}
    )


def cross_fitted(
    plans: Sequence[tuple[Recipe, int]], data: Dataset, fit: Fit, *, folds: int, grid: Sequence[float], seed: int
) -> tuple[float, ...]:
    """The weights under which members trained on the other folds predict the held-out images best.

    Each plan (recipe, seed) is trained again for each fold, so this takes `folds` times the members' training.

    Raises:
        DataError: a class has fewer images or groups than folds.
        TrainingError: too many combinations of weights.
    """
    refuse_many(len(plans), grid)
    labels, found = [], []
    for train, held in rotations(data, folds, seed):
        images = held.without_labels()
        found.append(np.stack([fit(recipe, train, own).probabilities(images) for recipe, own in plans]))
        labels.append(held.labels)
    return best_weights(np.concatenate(found, axis=1), np.concatenate(labels), grid)


def fresh(sample: Sample) -> Sample:
    """The sample without a mask that was propagated: that one was learnt from images which may now be held out."""
    return replace(sample, mask=None, mask_source=None) if sample.mask_source == "propagated" else sample


def best_weights(
    probabilities: Float[np.ndarray, "m n k"], labels: Int[np.ndarray, " n"], grid: Sequence[float]
) -> tuple[float, ...]:
    """The combination of `grid` values, one per member, with the least log loss; equal ones win a tie.

    The log loss and not the accuracy: with a handful of images most combinations classify the same ones right.
    """
    own = probabilities[:, np.arange(len(labels)), labels].astype(np.float64)
    best: tuple[float, tuple[float, ...]] | None = None
    for weights in sorted(product(grid, repeat=len(own)), key=lambda w: (len(set(w)), w)):
        if sum(weights) <= 0:
            continue
        mean = np.asarray(weights) @ own / sum(weights)
        loss = float(-np.log(mean.clip(1e-12)).mean())
        if best is None or loss < best[0] - 1e-9:
            best = loss, weights
    assert best is not None, "the grid holds a positive weight"
    return best[1]


def refuse_many(members: int, grid: Sequence[float]) -> None:
    """Refuse a search over too many combinations.

    Raises:
        TrainingError: names the numbers.
    """
    if len(grid) ** members > MOST:
        raise TrainingError(
            f"{len(grid)} weights for {members} members are more than {MOST} combinations",
            where="posthoc/ensemble",
            remedy="give the weights, e.g. weights = [3, 1, 1], or a shorter grid.",
        )

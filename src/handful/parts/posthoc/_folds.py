"""Cross-fitting: outputs for each training image of a network that was trained on the other folds.

Weights of an ensemble, a temperature, conformal scores and rejection thresholds come from such held-out images. No test
image is read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from handful.core.context import Context
from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Recipe
from handful.data.splits import folds as cut
from handful.errors import DataError
from handful.models.classifier import Classifier
from handful.models.norm import keep_norm
from handful.models.posthoc_module import posthoc_modules
from handful.parts.traits import has_trait, uses_unlabelled


@dataclass(frozen=True, eq=False)
class Fold:
    """A classifier, its training images, the held-out images, and its outputs for the latter."""

    classifier: Classifier
    train: Dataset
    held_out: Dataset
    logits: Float[np.ndarray, "m k"]
    features: Float[np.ndarray, "m c"]


def split_folds(data: Dataset, folds: int, seed: int, *, masks: bool = False) -> Iterator[tuple[Dataset, Dataset]]:
    """Training and held-out images of each fold, both without propagated masks.

    Args:
        data: the samples.
        folds: their number.
        seed: decides how they are cut.
        masks: leave the propagated masks, since the recipe makes them again in each fold.

    Raises:
        DataError: a class has fewer images or groups than folds.
    """
    samples = data.samples if masks else tuple(without_propagated_mask(s) for s in data.samples)
    yield from cut(replace(data, samples=tuple(replace(s, split=None) for s in samples)), folds, seed)


def fold_networks(context: Context, data: Dataset, *, folds: int) -> tuple[Fold, ...]:
    """Train the recipe on the other folds, for each fold; without the parts that calibrate.

    A recipe that learns from unlabelled images gets those of the run in every fold, so that the folds' networks are as
    good as the one that they calibrate. The held-out images are not among them.

    Several parts of one recipe share the networks: they are trained once, and `context.folds` holds them.

    Raises:
        DataError: a class has fewer images or groups than folds.
    """
    assert context.fit is not None, "train hands its own function in"
    if folds not in context.folds:
        recipe = replace(context.recipe, posthoc=without_calibration(context.recipe))
        each = []
        renews = any(part.options.get("renew") for part in recipe.prepare if has_trait("prepare", part, "renews_masks"))
        for number, (train, held_out) in enumerate(split_folds(data, folds, context.seed, masks=renews), start=1):
            name = f"{context.recipe.name}, fold {number} of {folds}"  # shown by the progress bar
            fold_recipe = keep_norm(replace(recipe, name=name), context.task.counts, fewer=train.counts)
            seen = with_unlabelled(fold_recipe, train, context.unlabelled, held_out)
            classifier: Classifier = context.fit(fold_recipe, seen, context.seed)
            each.append(Fold(classifier, train, held_out, *logits_and_features(classifier, held_out)))
        context.folds[folds] = tuple(each)
    trained: tuple[Fold, ...] = context.folds[folds]
    return trained


def with_unlabelled(
    recipe: Recipe, data: Dataset, unlabelled: Sequence[Sample], held_out: Dataset | None = None
) -> Dataset:
    """The training images of a nested run, with those of the run around it that have no label but candidates.

    And the others without a label, if the recipe uses such. Candidates of the groups that are held out are left out.
    """
    groups = set() if held_out is None else set(held_out.groups.values())
    candidates = [s for s in unlabelled if s.candidates is not None and s.group not in groups]
    others = [s for s in unlabelled if s.candidates is None] if uses_unlabelled(recipe) else []
    return replace(data, samples=(*data.samples, *candidates, *others)) if candidates or others else data


def without_calibration(recipe: Recipe) -> tuple[Any, ...]:
    """The recipe's posthoc parts, less those that calibrate."""
    return tuple(part for part in recipe.posthoc if not has_trait("posthoc", part, "calibrates"))


def plain_network(network: nn.Module) -> nn.Module:
    """The network inside the calibrating parts that wrap it."""
    for module in posthoc_modules(network):
        if not has_trait("posthoc", module.part, "calibrates"):
            return module
        network = module.network
    return network


def logits_and_features(
    classifier: Classifier, data: Dataset
) -> tuple[Float[np.ndarray, "m k"], Float[np.ndarray, "m c"]]:
    """Logits and features of each sample, predicted without its label and mask; float32."""
    outputs = list(classifier.outputs(data.without_labels()))
    logits, features = (torch.cat([getattr(o, name) for o in outputs]) for name in ("logits", "features"))
    return logits.float().cpu().numpy(), features.float().cpu().numpy()


def possible_folds(context: Context, folds: int) -> int:
    """The number of folds: as requested, or as the smallest class has images or groups; 1: none can be held out.

    Raises:
        DataError: its groups are so large that a fold would lack a class.
    """
    fewest = int(context.task.counts.min())
    if context.data is not None and context.task.kind == "multilabel":
        groups = [s.id if s.group is None else f"group:{s.group}" for s in context.data.samples]
        targets = context.data.targets()
        both = np.concatenate([targets == 1, targets == 0], axis=1)
        fewest = min(len({groups[i] for i in np.flatnonzero(column)}) for column in both.T)
        return _complete_folds(context.data, min(folds, fewest), context.seed)
    if context.data is not None:
        known = [(s.label, s.id if s.group is None else f"group:{s.group}") for s in context.data.samples]
        fewest = min(len({group for y, group in known if y == label}) for label in range(len(context.task.classes)))
    number = min(folds, fewest)
    if number > 1 and context.data is not None:
        list(split_folds(context.data, number, context.seed))
    return max(1, number)


def _complete_folds(data: Dataset, folds: int, seed: int) -> int:
    """The highest number of folds, up to this one, with which no side of a split lacks a class of multilabel data."""
    for number in range(folds, 1, -1):
        try:
            list(split_folds(data, number, seed))
        except DataError:
            continue
        return number
    return 1


def check_folds(folds: int) -> None:
    """Refuse a number of folds that is not a whole number from 2.

    Raises:
        ValueError: names the value.
    """
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
        raise ValueError(f"folds must be a whole number from 2 up, not {folds!r}")


def with_card_entry(classifier: Classifier, **entries: Any) -> Classifier:
    """The classifier with these entries under "calibration" in its card."""
    return replace(
        classifier, card={**classifier.card, "calibration": {**classifier.card.get("calibration", {}), **entries}}
    )


def without_propagated_mask(sample: Sample) -> Sample:
    """The sample without a propagated mask, which was learned from images that may now be held out."""
    return sample.without_mask() if sample.mask_source == "propagated" else sample

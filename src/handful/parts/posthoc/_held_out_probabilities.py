"""Probabilities of held-out training images, calibrated as those of new images are."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from handful.models.classifier import Classifier
from handful.models.platt_scaling import fit_class_platt
from handful.parts.posthoc._folds import Fold


def held_out_probabilities(one: Classifier, parts: Sequence[Fold]) -> Float[np.ndarray, "n k"]:
    """Probabilities of the images of each fold by its network.

    Where `one` has Platt scaling, those of a fold are scaled as the other folds ask for, so that what is chosen on
    these images does not see labels twice.

    Args:
        one: the classifier that new images get.
        parts: the folds, at least two.
    """
    logits = [part.logits for part in parts]
    if one.wrapped_by("platt_scaling") is not None:
        targets = [part.held_out.targets() for part in parts]
        logits = [_scaled(logits, targets, number) for number in range(len(parts))]
    return np.concatenate([one.link_probabilities(rows) for rows in logits])


def _scaled(
    logits: Sequence[Float[np.ndarray, "_ k"]], targets: Sequence[Float[np.ndarray, "_ k"]], number: int
) -> Float[np.ndarray, "m k"]:
    others = [i for i in range(len(logits)) if i != number]
    scaling = fit_class_platt(
        np.concatenate([logits[i] for i in others]).astype(np.float64), np.concatenate([targets[i] for i in others])
    )
    return scaling.scale(logits[number])

"""A probability threshold per class above which an image of several labels is said to show it.

Each class's threshold is the one of highest F1 on the training images, each scored by a network that was trained
without it (cross-fitting), so that no validation images are needed. Few images of a class decide little, so it is
shrunk to the threshold of highest F1 over all classes: with n images that show the class, it has the weight n / (n +
10), and with fewer than five the common one alone counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.core.tensors import Output
from handful.models.classifier import DEFAULT_THRESHOLD, Classifier
from handful.models.posthoc_module import PosthocModule
from handful.parts.posthoc._folds import check_folds, fold_networks, possible_folds, with_card_entry

multilabel = True
needs_multilabel = True
calibrates = True
keeps_probabilities = True
FEWEST, SHRINKAGE = 5, 10


class Thresholded(PosthocModule):
    """A network with a threshold for each class; its outputs stay as they are."""

    def __init__(self, network: nn.Module, thresholds: Sequence[float]) -> None:
        super().__init__(network, Part("thresholds", {"thresholds": tuple(thresholds)}))
        self.thresholds = tuple(thresholds)

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """The network's output."""
        output: Output = self.network(images)
        return output


def wrap(network: nn.Module, *, thresholds: Any) -> Thresholded:
    """The network with these thresholds; also how a saved one is built again.

    Raises:
        ValueError: they are not numbers from 0 to 1.
    """
    if not isinstance(thresholds, list | tuple) or not all(
        isinstance(t, int | float) and not isinstance(t, bool) and 0 <= t <= 1 for t in thresholds
    ):
        raise ValueError(f"thresholds must be numbers from 0 to 1, not {thresholds!r}"[:200])
    return Thresholded(network, tuple(float(t) for t in thresholds))


def build(context: Context, *, folds: int = 5) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Cross-fitted thresholds. Training takes `folds` times as long.

    Args:
        context: gives the recipe, and the training images of each class.
        folds: number of folds; fewer where fewer images show the rarest class.

    Raises:
        ValueError: a number out of range.
    """
    check_folds(folds)
    number = possible_folds(context, folds)

    def apply(classifiers: tuple[Classifier, ...], data: Dataset) -> Classifier:
        one = classifiers[0]
        if number < 2:
            values = np.full(len(one.classes), DEFAULT_THRESHOLD)
            source = "fixed: a class is shown by one training image or group, so that none can be left out"
        else:
            trained = fold_networks(context, data, folds=number)
            probabilities = np.concatenate([one.link_probabilities(fold.logits) for fold in trained])
            targets = np.concatenate([fold.held_out.targets() for fold in trained])
            values = choose_thresholds(probabilities, targets)
            source = f"cross-fitted: {len(targets)} training images in {number} folds"
        thresholds = [round(float(value), 4) for value in values]
        network = wrap(one.network, thresholds=thresholds).to(one.device).eval()
        entry = dict(zip(one.classes, thresholds, strict=True))
        return with_card_entry(replace(one, network=network), thresholds=entry, thresholds_from=source)

    return apply


def choose_thresholds(
    probabilities: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]
) -> Float[np.ndarray, " k"]:
    """The threshold of each class, shrunk to the common one.

    Args:
        probabilities: of held-out images.
        targets: 1, 0 or NaN; unknown entries are left out.
    """
    known = ~np.isnan(targets)
    common = best_threshold(probabilities[known], targets[known] == 1)
    values = np.full(targets.shape[1], common)
    for c in range(targets.shape[1]):
        present = targets[known[:, c], c] == 1
        if (n := int(present.sum())) >= FEWEST:
            own = best_threshold(probabilities[known[:, c], c], present)
            values[c] = (n * own + SHRINKAGE * common) / (n + SHRINKAGE)
    return values


def best_threshold(probabilities: Float[np.ndarray, " m"], present: Bool[np.ndarray, " m"]) -> float:
    """The threshold of highest F1, halfway to the next probability below; 0.5 where nothing is present."""
    if not present.any():
        return DEFAULT_THRESHOLD
    order = np.argsort(-probabilities, kind="stable")
    sorted_p, hits = probabilities[order], np.cumsum(present[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + present.sum())
    last = np.append(sorted_p[1:] < sorted_p[:-1], True)  # equal probabilities are above a threshold together
    best = int(np.argmax(np.where(last, f1, -1)))
    below = float(sorted_p[best + 1]) if best + 1 < len(order) else 0.0
    return (float(sorted_p[best]) + below) / 2

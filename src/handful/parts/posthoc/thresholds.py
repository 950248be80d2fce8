"""A probability threshold per class above which an image of several labels is said to show it.

Each class's threshold is the one of highest F1 on the training images, each scored by a network that was trained
without it (cross-fitting), so that no validation images are needed. Few images of a class decide little, so it is
shrunk to the threshold of highest F1 over all classes: with n images that show the class, it has the weight n / (n +
10), and with fewer than five the common one alone counts.

With `missed` there is one threshold for all classes instead: the highest at which held-out training images miss at most
this share of the classes that they show, on average, one image that misses all of its classes counted in (conformal
risk control, Angelopoulos et al. 2022, https://arxiv.org/abs/2208.02814, equation 4).
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
from handful.errors import TrainingError
from handful.models.classifier import DEFAULT_THRESHOLD, Classifier
from handful.models.conformal_coverage import images_needed, most_coverage
from handful.models.posthoc_module import PosthocModule
from handful.parts.posthoc._folds import check_folds, fold_networks, possible_folds, with_card_entry
from handful.parts.posthoc._held_out_probabilities import held_out_probabilities

multilabel = True
needs_multilabel = True
calibrates = True
keeps_probabilities = True
reads_probabilities = True
FEWEST, SHRINKAGE = 5, 10
HERE = "posthoc/thresholds"


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


def build(
    context: Context, *, folds: int = 5, missed: float | None = None
) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Cross-fitted thresholds. Training takes `folds` times as long.

    Args:
        context: gives the recipe, and the training images of each class.
        folds: number of folds; fewer where fewer images show the rarest class.
        missed: the share of an image's classes that may be missed on average; None: thresholds of highest F1.

    Raises:
        ValueError: a number out of range.
        TrainingError: too few training images for `missed`; says how many it takes.
    """
    check_folds(folds)
    number = possible_folds(context, folds)
    if missed is not None:
        _refuse_risk(context, missed, number)

    def apply(classifiers: tuple[Classifier, ...], data: Dataset) -> Classifier:
        one = classifiers[0]
        if number < 2:
            values = np.full(len(one.classes), DEFAULT_THRESHOLD)
            source = "fixed: a class is shown by one training image or group, so that none can be left out"
        else:
            trained = fold_networks(context, data, folds=number)
            probabilities = held_out_probabilities(one, trained)
            targets = np.concatenate([fold.held_out.targets() for fold in trained])
            if missed is None:
                values = choose_thresholds(probabilities, targets)
            else:
                values = np.full(len(one.classes), risk_threshold(probabilities, targets, missed))
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


def risk_threshold(probabilities: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"], missed: float) -> float:
    """The highest threshold at which images miss at most this share of their classes; four digits, rounded down.

    Args:
        probabilities: of held-out images.
        targets: 1, 0 or NaN; images that are not known to show a class are left out.
        missed: the mean share, between 0 and 1.
    """
    shown = targets == 1
    images = shown.any(axis=1)
    weights = (shown / np.maximum(shown.sum(axis=1, keepdims=True), 1))[shown]
    order = np.argsort(probabilities[shown], kind="stable")
    allowed = missed * (images.sum() + 1) - 1
    below = np.cumsum(weights[order])  # missed in all, if the threshold is above the i-th probability
    first = int(np.searchsorted(below, allowed + 1e-9, side="right"))  # of the classes that must not be missed
    values = probabilities[shown][order]
    return 1.0 if first == len(values) else float(np.floor(1e4 * values[first]) / 1e4)


def _refuse_risk(context: Context, missed: float, folds: int) -> None:
    if isinstance(missed, bool) or not isinstance(missed, int | float) or not 0 < missed < 1:
        raise ValueError(f"missed must be between 0 and 1, e.g. 0.1, not {missed!r}")
    if folds < 2:
        raise TrainingError(
            "a class is shown by one training image or group: it cannot be held out and trained on",
            where=HERE,
            remedy="label at least two images that show each class, or leave missed out.",
        )
    needed = images_needed(1 - missed)
    n = 0 if context.data is None else int((context.data.targets() == 1).any(axis=1).sum())
    if n < needed:
        raise TrainingError(
            f"a share of {missed:g} missed needs {needed} training images that show a class, and there are {n}",
            where=HERE,
            remedy=f"label {needed - n} more, or allow a share of {1 - most_coverage(n):.3g}.",
        )


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

"""Unlabelled images that are unlike the labelled ones: learning from images of other classes does harm.

Oliver et al. 2018, https://arxiv.org/abs/1804.09170, section 4.4. Each unlabelled image has a distance to its nearest
labelled image, and each labelled image one to its nearest other labelled image, by features of the embedded network of
length 1, as in `posthoc/out_of_distribution`. Were all of one kind, either distance would be the larger as often. The
test is a rank test: what is looked at is the chance that an unlabelled image is further away (the area under the ROC
curve), less its standard error times 1.64.
"""

import warnings

import numpy as np
from jaxtyping import Float

from handful.core.dataset import Dataset
from handful.data.images import pixels
from handful.data.splits import random_key
from handful.errors import HandfulWarning
from handful.training.image_features import features

MOST = 200  # images of each kind that are looked at
FEWEST = 20  # of each kind; fewer say nothing
CHANCE = 0.6  # that an unlabelled image is further away, above which the user is told
USUAL = 0.95  # share of the labelled images that are nearer to others than an image that counts as unlike them


def warn_of_foreign_images(labelled: Dataset, unlabelled: Dataset, *, device: str = "cpu") -> None:
    """Warn where the unlabelled images look as if many were of other classes; of few images nothing is said.

    Args:
        labelled: images that are learned from with their labels.
        unlabelled: images that are learned from without.
        device: that the embedded network runs on.
    """
    first, second = _some(labelled.labelled()), _some(unlabelled)
    if min(len(first), len(second)) < FEWEST:
        return
    known, others = _features(first, device), _features(second, device)
    own, distances = _nearest(known, known, itself=True), _nearest(others, known, itself=False)
    if chance_of_larger(distances, own) <= CHANCE:
        return
    number = int((distances > np.quantile(own, USUAL)).sum())
    text = (
        f"the unlabelled images look unlike the labelled ones: of {len(second)} that were looked at, {number} are "
        f"further from these than {100 * USUAL:.0f} % of them are from each other. Images of other classes do harm: "
        "leave them out, or compare with a recipe that does not use them"
    )
    warnings.warn(text, HandfulWarning, stacklevel=3)


def chance_of_larger(first: Float[np.ndarray, " n"], second: Float[np.ndarray, " m"]) -> float:
    """Lower bound of the chance that a value of `first` is the larger: the rank statistic less 1.64 standard errors."""
    from scipy.stats import mannwhitneyu

    n, m = len(first), len(second)
    return float(mannwhitneyu(first, second).statistic / (n * m) - 1.64 * np.sqrt((1 / n + 1 / m) / 12))


def _some(data: Dataset) -> Dataset:
    """At most so many samples, the same ones each time."""
    order = sorted(range(len(data)), key=lambda i: random_key(0, data.samples[i].id))
    return data.select(np.array(order[:MOST], dtype=np.int64))


def _features(data: Dataset, device: str) -> Float[np.ndarray, "n c"]:
    rows = np.concatenate(list(features((pixels(s) for s in data.samples), device=device)))
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _nearest(x: Float[np.ndarray, "n c"], points: Float[np.ndarray, "m c"], *, itself: bool) -> Float[np.ndarray, " n"]:
    """Cosine distance to the nearest point; of the points themselves, to the nearest other one."""
    similarities = x @ points.T
    if itself:
        np.fill_diagonal(similarities, -1.0)
    return np.asarray(1 - similarities.max(axis=1))

"""Metrics of predictions: accuracy, recall, F1; and the thirds of the classes by number of training images."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

Metric = Literal["accuracy", "balanced_accuracy", "macro_f1"]
MultilabelMetric = Literal["mean_average_precision", "micro_f1", "macro_f1", "exact_match"]
AnyMetric = Metric | MultilabelMetric

THIRDS = ("larger", "medium", "smaller")
UNEVEN = 1.5  # images of the largest class for each of the smallest, from where on classes count as uneven


def accuracy(labels: Int[np.ndarray, " n"], predictions: Int[np.ndarray, " n"], classes: int) -> float:  # noqa: ARG001
    """Share of images predicted right."""
    return float(np.mean(labels == predictions))


def recalls(labels: Int[np.ndarray, " n"], predictions: Int[np.ndarray, " n"], classes: int) -> Float[np.ndarray, " k"]:
    """Share of each class's images predicted right; NaN for a class without images."""
    counts = np.bincount(labels, minlength=classes)
    right = np.bincount(labels[labels == predictions], minlength=classes)
    return np.where(counts > 0, right / np.maximum(counts, 1), np.nan)


def balanced_accuracy(labels: Int[np.ndarray, " n"], predictions: Int[np.ndarray, " n"], classes: int) -> float:
    """Mean recall over the classes that have images."""
    return float(np.nanmean(recalls(labels, predictions, classes)))


def macro_f1(labels: Int[np.ndarray, " n"], predictions: Int[np.ndarray, " n"], classes: int) -> float:
    """Mean over the classes of the F1 score; 0 for a class that is never predicted right."""
    from sklearn.metrics import f1_score  # seconds on a busy machine

    return float(f1_score(labels, predictions, labels=np.arange(classes), average="macro", zero_division=0))


SCORES: dict[Metric, Callable[[Int[np.ndarray, " n"], Int[np.ndarray, " n"], int], float]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
}


def uneven(counts: Float[np.ndarray, " k"]) -> bool:
    """Whether classes differ in their training images by more than folds and chance make them differ.

    The largest has at least half as many again as the smallest, and two more.
    """
    return bool(counts.max() >= UNEVEN * counts.min() and counts.max() - counts.min() >= 2)


def thirds(counts: Float[np.ndarray, " k"]) -> Bool[np.ndarray, "3 k"]:
    """Which classes are the larger, medium and smaller ones by training images; the first of equals is the larger.

    Where three does not divide, the smaller ones are more: 3, 3 and 4 of ten classes, 33, 33 and 34 of a hundred.
    """
    order = np.argsort(-counts, kind="stable")
    ends = [len(counts) // 3, len(counts) // 3 + (len(counts) + 1) // 3]
    members = np.zeros((3, len(counts)), dtype=bool)
    for third, classes in enumerate(np.split(order, ends)):
        members[third, classes] = True
    return members

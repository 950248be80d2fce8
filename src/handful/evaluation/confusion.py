"""Confusion matrix of a result, and the largest confusions in it; all draws together."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from handful.core.result import Result


class Confusion(NamedTuple):
    """Share of the images of class `label` that were predicted as class `predicted`."""

    label: str
    predicted: str
    share: float


def confusion_counts(result: Result) -> Float[np.ndarray, "k k"]:
    """Row by row, how many of a class's images were predicted as each class: the mean over the draws."""
    k = len(result.classes)
    counts = np.zeros((k, k))
    for run in result.runs:
        np.add.at(counts, (run.labels, run.predictions), 1)
    return counts / max(1, len({run.draw for run in result.runs}))


def confusion_matrix(result: Result) -> Float[np.ndarray, "k k"]:
    """Row by row, the share of a class's images that were predicted as each class; 0 for a class without images."""
    counts = confusion_counts(result)
    totals = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts / np.where(totals > 0, totals, 1))


def scored_images(result: Result) -> dict[str, int]:
    """How many different images of each class were scored."""
    ids = [{i for run in result.runs for i in np.array(run.ids)[run.labels == c]} for c in range(len(result.classes))]
    return {name: len(found) for name, found in zip(result.classes, ids, strict=True)}


def largest_confusions(result: Result, most: int) -> list[Confusion]:
    """The largest shares off the diagonal, at most so many and none that is 0."""
    shares = confusion_matrix(result)
    np.fill_diagonal(shares, 0)
    order = np.argsort(-shares, axis=None, kind="stable")[:most]
    pairs = [divmod(int(i), len(result.classes)) for i in order]
    return [Confusion(result.classes[a], result.classes[b], float(shares[a, b])) for a, b in pairs if shares[a, b] > 0]

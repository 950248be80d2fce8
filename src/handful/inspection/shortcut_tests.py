"""Shortcut tests: how well a nuisance variable (mask area, image or file size, color, camera) predicts the class alone.

Each test is a cross-fitted nearest-neighbor vote, without near duplicates, with groups kept together. Chance is
what the same vote reaches with labels shuffled (by group, where groups have one label), and p the share of shuffles
that reach as much (Ojala and Garriga 2010, https://jmlr.org/papers/v11/ojala10a.html), corrected for the number of
detectors after Holm 1979.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from handful.core.dataset import Dataset
from handful.evaluation.intervals import bootstrap
from handful.evaluation.metrics import balanced_accuracy
from handful.evaluation.multiple_testing import holm
from handful.inspection.exif import CaptureInfo
from handful.inspection.image_statistics import ImageStatistics
from handful.inspection.neighbors import cross_fitted_neighbors, weighted_vote

SHUFFLES = 999
MOST = 2000  # images that are looked at
FEWEST = 10  # images, below which nothing is said


@dataclass(frozen=True, eq=False)
class NuisanceVariable:
    """A nuisance variable: values `x` of the images at `rows`."""

    name: str
    rows: Int[np.ndarray, " m"]
    x: Float[np.ndarray, "m d"]


@dataclass(frozen=True)
class Shortcut:
    """Result of one shortcut test.

    Attributes:
        name: the nuisance variable.
        score: balanced accuracy of the vote, with its 95 % interval `low` to `high`.
        chance: mean balanced accuracy with shuffled labels; `chance_high` is its 97.5 % quantile.
        p: permutation p value, corrected for the number of variables (Holm).
        images: number of images tested.
    """

    name: str
    score: float
    low: float
    high: float
    chance: float
    chance_high: float
    p: float
    images: int

    @property
    def share(self) -> float:
        """(score - chance) / (1 - chance)."""
        return (self.score - self.chance) / max(1 - self.chance, 1e-9)


def nuisance_variables(
    data: Dataset,
    statistics: ImageStatistics,
    *,
    rows: Int[np.ndarray, " m"],
    modes: Sequence[str] = (),
    bytes_: Int[np.ndarray, " n"] | None = None,
    captures: Sequence[CaptureInfo | None] = (),
) -> list[NuisanceVariable]:
    """The nuisance variables that the images at `rows` have; constant ones are left out."""
    masks = [s.mask for s in data.samples]
    masked = np.array([i for i in rows if masks[i] is not None], dtype=np.int64)
    area = np.array([0.0 if mask is None else mask.mean() for mask in masks])
    variables = [
        NuisanceVariable("mask area", masked, np.log(area[masked] + 1e-4)[:, None]),
        NuisanceVariable("image size", rows, np.log(statistics.sizes[rows].astype(np.float64))),
        NuisanceVariable("mean color", rows, statistics.color[rows]),
        NuisanceVariable("border color", rows, statistics.border[rows]),
    ]
    if bytes_ is not None and len(bytes_) and (bytes_ >= 0).all():
        variables.append(NuisanceVariable("file size", rows, np.log(bytes_[rows] + 1.0)[:, None]))
    if any(modes):
        variables.append(NuisanceVariable("color mode", rows, _one_hot(modes)[rows]))
    if any(capture is not None and capture.camera for capture in captures):
        cameras = [capture.camera if capture is not None else "" for capture in captures]
        variables.append(NuisanceVariable("camera", rows, _one_hot(cameras)[rows]))
    return [c for c in variables if len(c.rows) and np.ptp(c.x, axis=0).max() > 1e-9]


def find_shortcuts(
    variables: Sequence[NuisanceVariable],
    labels: Int[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    *,
    shuffles: int = SHUFFLES,
    seed: int = 0,
) -> tuple[Shortcut, ...]:
    """Test each nuisance variable; the best predictor first.

    A variable with fewer than ten labelled images is skipped, and so is one whose images are all of one class or of
    one group: there is nothing to predict, or nothing to predict it from.

    Args:
        variables: the nuisance variables.
        labels: class of every sample; `NuisanceVariable.rows` index them.
        groups: index of each sample's group.
        shuffles: permutations of the labels, for chance and p.
        seed: decides shuffles, folds, and which images where there are over two thousand.
    """
    rng = np.random.default_rng(seed)
    tested = []
    for variable in variables:
        at = np.arange(len(variable.rows))
        if len(at) > MOST:
            at = np.sort(rng.choice(at, MOST, replace=False))
        classes, classes_of = np.unique(labels[variable.rows[at]], return_inverse=True)
        tied = groups[variable.rows[at]]
        if len(at) >= FEWEST and len(classes) > 1 and len(np.unique(tied)) > 1:
            tested.append(_test(variable.name, variable.x[at], classes_of, tied, len(classes), shuffles, rng))
    corrected = holm([s.p for s in tested])
    return tuple(
        sorted((replace(s, p=p) for s, p in zip(tested, corrected, strict=True)), key=lambda s: (-s.share, s.name))
    )


def _one_hot(words: Sequence[str]) -> Float[np.ndarray, "n d"]:
    at = np.unique(np.array(words), return_inverse=True)[1]
    return np.asarray(np.eye(at.max() + 1)[at])


def _test(
    name: str,
    x: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    classes: int,
    shuffles: int,
    rng: np.random.Generator,
) -> Shortcut:
    near = cross_fitted_neighbors(x, groups, int(np.clip(round(np.sqrt(len(x)) / 2), 3, 15)), rng)
    predictions = weighted_vote(near, labels, classes)
    score = balanced_accuracy(labels, predictions, classes)
    right = (predictions == labels).astype(np.float64)[None]
    low, high = bootstrap(right, [np.flatnonzero(labels == c) for c in range(classes)], 1000, rng)
    null = np.empty(shuffles)
    for i in range(shuffles):
        other = _shuffled(labels, groups, rng)
        null[i] = balanced_accuracy(other, weighted_vote(near, other, classes), classes)
    p = (1 + (null >= score - 1e-12).sum()) / (1 + shuffles)
    return Shortcut(name, score, low, high, float(null.mean()), float(np.quantile(null, 0.975)), float(p), len(x))


def _shuffled(
    labels: Int[np.ndarray, " n"], groups: Int[np.ndarray, " n"], rng: np.random.Generator
) -> Int[np.ndarray, " n"]:
    """Labels in another order; whole groups trade theirs where each has one."""
    _, first, members = np.unique(groups, return_index=True, return_inverse=True)
    group_labels = labels[first]
    if len(group_labels) < len(labels) and (group_labels[members] == labels).all():
        return np.asarray(rng.permutation(group_labels)[members])
    return rng.permutation(labels)

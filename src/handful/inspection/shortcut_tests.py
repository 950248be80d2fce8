"""How well what should not matter predicts the class: mask area, image size, file size, colours, camera, alone.

Each detector votes among nearest neighbours, cross-fitted, with copies left out and groups kept together. Chance is
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
from handful.inspection.exif import Shot
from handful.inspection.image_statistics import ImageStatistics
from handful.inspection.neighbours import neighbours, vote

SHUFFLES = 999
MOST = 2000  # images that are looked at
FEWEST = 10  # images, below which nothing is said


@dataclass(frozen=True, eq=False)
class Column:
    """What a detector looks at: numbers `x` of the images at `rows`."""

    name: str
    rows: Int[np.ndarray, " m"]
    x: Float[np.ndarray, "m d"]


@dataclass(frozen=True)
class Shortcut:
    """One detector. `score` and its interval `low`, `high` are balanced accuracy; so are chance and its upper end.

    `p` is corrected for the number of detectors. `images`: how many were looked at.
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
        """How far it gets from chance to perfect."""
        return (self.score - self.chance) / max(1 - self.chance, 1e-9)


def columns(
    data: Dataset,
    measures: ImageStatistics,
    *,
    rows: Int[np.ndarray, " m"],
    modes: Sequence[str] = (),
    bytes_: Int[np.ndarray, " n"] | None = None,
    shots: Sequence[Shot | None] = (),
) -> list[Column]:
    """What these images allow to look at; what is the same in all is left out."""
    masks = [s.mask for s in data.samples]
    masked = np.array([i for i in rows if masks[i] is not None], dtype=np.int64)
    area = np.array([0.0 if mask is None else mask.mean() for mask in masks])
    found = [
        Column("mask area", masked, np.log(area[masked] + 1e-4)[:, None]),
        Column("image size", rows, np.log(measures.sizes[rows].astype(np.float64))),
        Column("mean colour", rows, measures.colour[rows]),
        Column("border colour", rows, measures.border[rows]),
    ]
    if bytes_ is not None and len(bytes_) and (bytes_ >= 0).all():
        found.append(Column("file size", rows, np.log(bytes_[rows] + 1.0)[:, None]))
    if any(modes):
        found.append(Column("colour mode", rows, _one_hot(modes)[rows]))
    if any(shot is not None and shot.camera for shot in shots):
        found.append(Column("camera", rows, _one_hot([shot.camera if shot else "" for shot in shots])[rows]))
    return [c for c in found if len(c.rows) and np.ptp(c.x, axis=0).max() > 1e-9]


def detect(
    found: Sequence[Column],
    labels: Int[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    *,
    shuffles: int = SHUFFLES,
    seed: int = 0,
) -> tuple[Shortcut, ...]:
    """Every detector, best first; none with fewer than ten labelled images or one class.

    Args:
        found: what they look at.
        labels: of all samples; `Column.rows` point into them.
        groups: a number per sample; those of one group share it.
        shuffles: of the labels, for chance and p.
        seed: decides shuffles, folds, and which images where there are over two thousand.
    """
    rng = np.random.default_rng(seed)
    tested = []
    for column in found:
        at = np.arange(len(column.rows))
        if len(at) > MOST:
            at = np.sort(rng.choice(at, MOST, replace=False))
        classes, own = np.unique(labels[column.rows[at]], return_inverse=True)
        if len(at) >= FEWEST and len(classes) > 1:
            tied = groups[column.rows[at]]
            tested.append(_test(column.name, column.x[at], own, tied, len(classes), shuffles, rng))
    corrected = _holm([s.p for s in tested])
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
    near = neighbours(x, groups, int(np.clip(round(np.sqrt(len(x)) / 2), 3, 15)), rng)
    predictions = vote(near, labels, classes)
    score = balanced_accuracy(labels, predictions, classes)
    right = (predictions == labels).astype(np.float64)[None]
    low, high = bootstrap(right, [np.flatnonzero(labels == c) for c in range(classes)], 1000, rng)
    null = np.empty(shuffles)
    for i in range(shuffles):
        other = _shuffled(labels, groups, rng)
        null[i] = balanced_accuracy(other, vote(near, other, classes), classes)
    p = (1 + (null >= score - 1e-12).sum()) / (1 + shuffles)
    return Shortcut(name, score, low, high, float(null.mean()), float(np.quantile(null, 0.975)), float(p), len(x))


def _shuffled(
    labels: Int[np.ndarray, " n"], groups: Int[np.ndarray, " n"], rng: np.random.Generator
) -> Int[np.ndarray, " n"]:
    """Labels in another order; whole groups trade theirs where each has one."""
    _, first, members = np.unique(groups, return_index=True, return_inverse=True)
    own = labels[first]
    if len(own) < len(labels) and (own[members] == labels).all():
        return np.asarray(rng.permutation(own)[members])
    return rng.permutation(labels)


def _holm(p: list[float]) -> list[float]:
    """Holm's step-down correction."""
    corrected = [1.0] * len(p)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        corrected[i] = largest
    return corrected

"""How often what is wrong passes as normal, and how often what is normal is called something else.

Many data sets have one class that means "nothing is wrong": good parts, healthy leaves, negative smears. There the two
kinds of mistake have different costs, and accuracy mixes them: the miss rate (false negatives among all other classes)
and the false alarm rate (false positives within the normal class).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from handful.core.normal_class import find_normal_class
from handful.core.result import Result
from handful.errors import DataError, nearest, option
from handful.evaluation.intervals import wilson

NONE = "none"  # as the name of the normal class: there is none


@dataclass(frozen=True)
class Rate:
    """A share of images: how many of how many, and its 95 % interval."""

    count: float
    images: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class NormalClassRates:
    """Mistakes about the normal class, on held-out images.

    Attributes:
        name: the normal class.
        recognized: it was recognized by its name, not stated.
        missed: images of all other classes that are predicted as normal.
        false_alarms: images of the normal class that are predicted as another class.
    """

    name: str
    recognized: bool
    missed: Rate
    false_alarms: Rate


def check_normal_class(requested: str | None, classes: Sequence[str]) -> None:
    """Refuse the name of a normal class that is no class.

    Raises:
        DataError: it is neither a class nor "none".
    """
    if requested is not None and requested not in (*classes, NONE):
        raise DataError(
            f"{requested!r} is no class of the data",
            where=option("normal_class", None),
            remedy=nearest(requested, list(classes)),
        )


def normal_class_rates(
    result: Result | None, *, requested: str | None = None, groups: Mapping[str, str] | None = None
) -> NormalClassRates | None:
    """The two rates; None: nothing was scored, or no class is normal.

    Args:
        result: held-out predictions; an image that several repeats scored counts once, with its mean.
        requested: the normal class; "none": there is none; None: recognized by its name.
        groups: group of an image's id: the intervals count a group as one image.
    """
    if result is None or (requested == NONE and NONE not in result.classes):
        return None
    name = find_normal_class(result.classes) if requested is None else requested
    if name is None:
        return None
    normal = result.classes.index(name)
    ids = np.array([i for run in result.runs for i in run.ids])
    labels = np.concatenate([run.labels for run in result.runs])
    predicted = np.concatenate([run.predictions for run in result.runs]) == normal
    others = labels != normal
    if others.all() or not others.any():
        return None
    missed = _rate(ids[others], predicted[others], groups or {})
    alarms = _rate(ids[~others], ~predicted[~others], groups or {})
    return NormalClassRates(name, requested is None, missed, alarms)


def _rate(ids: np.ndarray, wrong: Bool[np.ndarray, " m"], groups: Mapping[str, str]) -> Rate:
    images = np.unique(ids)
    units = len({f"group:{groups[i]}" if i in groups else f"id:{i}" for i in images.tolist()})
    count = float(sum(wrong[ids == i].mean() for i in images))
    share = count / len(images)
    low, high = wilson(share * units, units)
    return Rate(count, len(images), share, low, high)

"""Class probabilities in place of one label, such as the shares of several annotators' votes, and weights of samples.

Losses learn the probabilities. Draws, folds and scores need one class: the label that is given beside them, or else the
class of the highest probability. An image whose annotators all name its label has that label alone.
"""

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float, Float64

from handful.core.dataset import Dataset, Sample
from handful.core.text import listed
from handful.data.array_like import as_array
from handful.data.candidate_labels import refuse_improper_candidates
from handful.data.class_names import MOST_NAMED, class_index
from handful.data.numbers import number_of
from handful.errors import DataError, HandfulWarning

SUM = 1e-3  # by which the sum of an image's probabilities may differ from 1


def with_votes(data: Dataset, votes: Float[np.ndarray, "n v"], names: Sequence[str], *, where: object) -> Dataset:
    """The data with each image's share of votes of each class, and with labels where they had none.

    Ties are noted: the label is then the first of these classes by name.

    Args:
        data: samples with a label, or without.
        votes: how many annotators named the class, or its probability; a row of zeros: nobody was asked.
        names: the classes of the columns; those without a vote need not be classes of the data.
        where: what to name in an error of the classes, and in the note.

    Raises:
        DataError: a number that is negative, not known or infinite; or a class with votes that is not one of the data.
    """
    improper = np.argwhere(~np.isfinite(votes) | (votes < 0))
    if len(improper):
        row, column = improper[0]
        raise DataError(
            f"{votes[row, column]:g} votes of {names[column]!r}",
            where=data.samples[row].id,
            remedy="give a number of 0 or more for each class, such as how many annotators named it.",
        )
    index = {name: i for i, name in enumerate(data.classes)}
    columns = {c: class_index(name, index, where) for c, name in enumerate(names) if votes[:, c].any()}
    samples, ties = [], []
    for sample, row in zip(data.samples, votes, strict=True):
        if not row.any():
            samples.append(sample)
            continue
        shares = np.zeros(len(data.classes))
        for c, k in columns.items():
            shares[k] += row[c] / row.sum()
        label = int(shares.argmax()) if sample.label is None else sample.label
        if sample.label is None and np.isclose(shares, shares.max()).sum() > 1:
            ties.append(sample.id)
        agreed = math.isclose(shares[label], 1)
        samples.append(replace(sample, label=label, probabilities=None if agreed else shares.astype(np.float32)))
    _warn_of_ties(ties, where)
    return replace(data, samples=tuple(samples))


def vote_rows(values: np.ndarray, images: int, classes: int, *, where: str) -> Float[np.ndarray, "n v"]:
    """Numbers of votes, or probabilities, as an array gives them.

    Raises:
        DataError: another shape than [images classes], or no numbers.
    """
    if values.shape != (images, classes) or values.dtype.kind not in "biuf":
        what = f"probabilities of shape {list(values.shape)} and type {values.dtype}"
        remedy = "give a row for each image, with a number for each class."
        raise DataError(f"{what} for {images} images and {classes} classes", where=where, remedy=remedy)
    return values.astype(np.float64)


def _warn_of_ties(ids: Sequence[str], where: object) -> None:
    if ids:
        images = "1 image has" if len(ids) == 1 else f"{len(ids):,} images have"
        text = f"{where}: {images} as many votes of two classes or more, and the label is the first of these by name"
        warnings.warn(f"{text}: {listed(ids, MOST_NAMED, separator='; ')}", HandfulWarning, stacklevel=4)


def with_weights(samples: Sequence[Sample], weights: Iterable[Any], *, where: str = "weights") -> list[Sample]:
    """The samples with a weight each.

    Raises:
        DataError: another number of weights than of samples, or one that is not a number of 0 or more.
    """
    values = as_array(weights, where)
    if values.shape != (len(samples),) or values.dtype.kind not in "biuf":
        what = f"weights of shape {list(values.shape)} and type {values.dtype} for {len(samples)} images"
        raise DataError(what, where=where, remedy="give a number of 0 or more for each image.")
    for i, value in enumerate(values.tolist()):
        refuse_weight(value, f"{where}[{i}]")
    return [replace(sample, weight=float(value)) for sample, value in zip(samples, values, strict=True)]


def read_weights(sample_weight: Any, n: int) -> Float64[np.ndarray, " n"] | None:
    """Weights of n images, as in scikit-learn; None: not given.

    Raises:
        ValueError: another shape than [n], or all of them are zero.
        DataError: one that is negative, infinite or not a number; names its position.
    """
    if sample_weight is None:
        return None
    values = as_array(sample_weight, "sample_weight")
    if values.shape != (n,) or values.dtype.kind not in "biuf":
        raise ValueError(
            f"sample_weight of shape {list(values.shape)} and type {values.dtype} for {n} images: give a number of 0 "
            "or more for each image"
        )
    weights = values.astype(np.float64)
    for i in np.flatnonzero(~((weights >= 0) & np.isfinite(weights)))[:1]:
        refuse_weight(float(weights[i]), f"sample_weight[{i}]")
    if not weights.any():
        raise ValueError(f"sample_weight: all {n} weights are zero, which leaves no image to train on")
    return weights


def weight_of(cell: str, where: object) -> float:
    """The weight in a table's cell; 1 where it is empty.

    Raises:
        DataError: it is not a number of 0 or more.
    """
    value = number_of(cell, where)
    if math.isnan(value):
        return 1.0
    refuse_weight(value, where)
    return value


def refuse_weight(value: float, where: object) -> None:
    """Refuse a weight that is negative, infinite or not a number.

    Raises:
        DataError: says where it is.
    """
    if not 0 <= value < math.inf:
        raise DataError(f"the weight of a sample is {value!r}", where=where, remedy="give a number of 0 or more.")


def refuse_improper(sample: Sample, classes: int) -> None:
    """Refuse a weight, class probabilities or candidates that are none.

    Raises:
        DataError: names the sample.
    """
    refuse_weight(sample.weight, sample.id)
    refuse_improper_candidates(sample, classes)
    p = sample.probabilities
    if p is None:
        return
    if p.shape != (classes,) or not np.isfinite(p).all() or (p < 0).any() or abs(float(p.sum()) - 1) > SUM:
        raise DataError(
            f"{[round(float(value), 3) for value in p.ravel()[:5]]} are no probabilities of {classes} classes",
            where=sample.id,
            remedy="give a number from 0 to 1 for each class; their sum is 1.",
        )
    if sample.label is None:
        remedy = "give it one, e.g. the class of the highest probability: draws and scores need a class."
        raise DataError("the image has class probabilities and no label", where=sample.id, remedy=remedy)

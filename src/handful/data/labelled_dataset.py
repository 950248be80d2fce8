"""Data sets of samples and what is known of each: a class name, votes, or candidates."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Shaped

from handful.core.dataset import Dataset, Sample
from handful.data.candidate_labels import with_candidates
from handful.data.class_names import class_index, class_names
from handful.data.votes import with_votes


def labelled_dataset(
    samples: Sequence[Sample], names: Sequence[str | None], classes: Sequence[str] | None, where: Sequence[str]
) -> Dataset:
    """The samples with the class that each is named; `where` is what to name in an error for each.

    Raises:
        DataError: a name is outside `classes`.
    """
    all_classes = class_names(names, classes)
    index = {class_name: position for position, class_name in enumerate(all_classes)}
    labels = [None if n is None else class_index(n, index, w) for n, w in zip(names, where, strict=True)]
    return Dataset(tuple(replace(s, label=i) for s, i in zip(samples, labels, strict=True)), all_classes)


def voted_dataset(
    samples: Sequence[Sample],
    names: Sequence[str | None],
    votes: Float[np.ndarray, "n v"],
    columns: Sequence[str],
    classes: Sequence[str] | None,
    where: Sequence[str],
) -> Dataset:
    """The samples with class names and votes, of classes that are named or voted for; see `with_votes`."""
    classes = _all_classes(names, votes, columns, classes)
    return with_votes(labelled_dataset(samples, names, classes, where), votes, columns, where="probabilities")


def marked_dataset(
    samples: Sequence[Sample],
    names: Sequence[str | None],
    rows: Bool[np.ndarray, "n v"],
    columns: Sequence[str],
    classes: Sequence[str] | None,
    where: Sequence[str],
) -> Dataset:
    """The samples with class names and candidates, of classes that are named or candidates; see `with_candidates`."""
    classes = _all_classes(names, rows, columns, classes)
    return with_candidates(labelled_dataset(samples, names, classes, where), rows, columns, where="candidates")


def _all_classes(
    names: Sequence[str | None], rows: Shaped[np.ndarray, "n v"], columns: Sequence[str], classes: Sequence[str] | None
) -> Sequence[str]:
    """The classes that are given, or those that are named and those of the columns that are not 0 throughout."""
    used = [name for name, column in zip(columns, rows.T, strict=True) if column.any()]
    return class_names([*names, *used], classes)

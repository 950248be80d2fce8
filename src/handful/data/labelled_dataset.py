"""Data sets of samples and what is known of each: a class name, votes, or candidates."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

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
    voted = [name for name, column in zip(columns, votes.T, strict=True) if column.any()]
    data = labelled_dataset(samples, names, class_names([*names, *voted], classes), where)
    return with_votes(data, votes, columns, where="probabilities")


def marked_dataset(
    samples: Sequence[Sample],
    names: Sequence[str | None],
    rows: Bool[np.ndarray, "n v"],
    columns: Sequence[str],
    classes: Sequence[str] | None,
    where: Sequence[str],
) -> Dataset:
    """The samples with class names and candidates, of classes that are named or candidates; see `with_candidates`."""
    shown = [name for name, column in zip(columns, rows.T, strict=True) if column.any()]
    data = labelled_dataset(samples, names, class_names([*names, *shown], classes), where)
    return with_candidates(data, rows, columns, where="candidates")

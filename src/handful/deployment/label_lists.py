"""Lists of class names in the cells of a table of predictions."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from handful.core.dataset import Sample
from handful.data.multilabel import NOTHING
from handful.deployment.table_files import Columns

PREDICTED = "predicted "  # before the name of a quantity, as the column of its predicted numbers
SEPARATOR = "|"  # of the names; such a table can be read with it


def label_of(sample: Sample, classes: Sequence[str]) -> str | None:
    """What is known of a sample, as a table says it; None: nothing."""
    if sample.target is not None:
        return list_of_names(classes, sample.target == 1) if sample.labelled else None
    return None if sample.label is None else classes[sample.label]


def list_of_names(classes: Sequence[str], present: Bool[np.ndarray, " k"]) -> str:
    """The names of the classes that are present, as a cell of a table."""
    return SEPARATOR.join(name for name, there in zip(classes, present, strict=True) if there) or NOTHING


def unknown_of(sample: Sample, classes: Sequence[str]) -> str | None:
    """The classes of which the target of a labelled sample says nothing; None: there are none, or it has no label."""
    if sample.target is None or not sample.labelled or not np.isnan(sample.target).any():
        return None
    return list_of_names(classes, np.isnan(sample.target))


def has_numbers(columns: Columns) -> bool:
    """Whether the columns are predictions of numbers."""
    return any(name.startswith(PREDICTED) for name in columns) and not columns.keys() & {"labels", "prediction"}


def names_by_row(columns: Columns) -> list[list[str | None]]:
    """The answers for each image: one, or with a column `labels` any number, of numbers none.

    An image without a prediction has None.
    """
    if has_numbers(columns):
        return [[] for _ in columns["id"]]
    if "labels" not in columns:
        return [[name] for name in columns.get("answer", columns["prediction"])]
    rows: list[list[str | None]] = []
    for cell in columns["labels"]:
        names = [] if cell == NOTHING else cell.split(SEPARATOR) if cell is not None else [None]
        rows.append([*names])
    return rows

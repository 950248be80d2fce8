"""Multilabel data sets from tables: names in the column `label` with a separator, or a column of 0 and 1 per class."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from handful.core.dataset import Dataset
from handful.data.class_names import nfc
from handful.data.multilabel import (
    LabelFormat,
    multilabel_dataset,
    names_in,
    targets_of_lists,
    value_of,
    with_targets,
)
from handful.data.readers.table import read_rows
from handful.data.readers.table_rows import Row, further_role, header_of, stream_rows
from handful.errors import DataError, nearest, option


def read_multilabel_table(
    path: Path,
    labels: LabelFormat,
    *,
    columns: Mapping[str, str] | None = None,
    classes: Sequence[str] | None = None,
    allow_outside: bool = False,
    on_error: Callable[[str, DataError], None] | None = None,
) -> Dataset:
    """A multilabel data set from a table; all but the labels is read as `handful.data.readers.table.read_table` does.

    In a list, an empty cell is an unlabelled image and "none" one that shows no class. In a column, 1, yes and true
    are present; 0, no and false absent; "?" and -1 unknown; an empty cell is what `labels` says.

    Raises:
        DataError: as `read_table`; no column of labels, or a cell that cannot be read.
    """
    listed = () if labels.form == "list" else _class_columns(path, labels, columns)
    if labels.form == "list":
        _refuse_no_label(path, columns)
    rows = list(stream_rows(path, columns, further=listed))
    known = partial(_known, labels=labels, listed=listed)
    read = read_rows(path, rows, known, allow_outside=allow_outside, on_error=on_error)
    samples = [sample for sample, _, _ in read]
    if labels.form == "columns":
        targets = np.array([row for _, row, _ in read], dtype=np.float32).reshape(len(read), len(listed))
        return with_targets(samples, targets, listed, classes, where=path)
    lists = [None if names is None else [str(name) for name in names] for _, names, _ in read]
    rows_of_targets, known_classes = targets_of_lists(lists, classes, labels.default, [where for _, _, where in read])
    return multilabel_dataset(samples, rows_of_targets, known_classes)


def _known(row: Row, where: str, *, labels: LabelFormat, listed: Sequence[str]) -> Sequence[str | float] | None:
    """The names in a row's cell, or the entries of its columns."""
    if labels.form == "list":
        return names_in(row["label"], labels.separator, where)
    return [value_of(row[further_role(name)], labels.default, f"{where}, {name}") for name in listed]


def _class_columns(path: Path, labels: LabelFormat, columns: Mapping[str, str] | None) -> tuple[str, ...]:
    """The columns that are classes: those that are named, or all without a role of their own."""
    if not path.is_file():
        raise DataError("no such file", where=path, remedy="check the path.")
    header, positions = header_of(path, columns)
    names = [nfc(name.strip()) for name in header]
    used = {position for role, position in positions.items() if role != "label"}
    others = tuple(name for i, name in enumerate(names) if i not in used and name)
    for name in labels.columns:
        if name not in others:
            remedy = nearest(name, others) if others else "give each class a column."
            raise DataError(f"no column {name!r}", where=path, remedy=remedy)
    if not others:
        raise DataError(
            f"no column is a class; columns are {', '.join(names)}",
            where=path,
            remedy="give each class a column of 1 and 0, or write the names in one column and give their separator "
            f"({option('multilabel', '|')}).",
        )
    return labels.columns or others


def _refuse_no_label(path: Path, columns: Mapping[str, str] | None) -> None:
    if not path.is_file():
        raise DataError("no such file", where=path, remedy="check the path.")
    header, positions = header_of(path, columns)
    if "label" not in positions:
        raise DataError(
            f"no column 'label'; columns are {', '.join(name.strip() for name in header)}",
            where=path,
            remedy=f"name the column of the lists ({option('columns', {'label': 'NAME'})}), or read a column for each "
            f"class ({option('multilabel', 'columns')}).",
        )

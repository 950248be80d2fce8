"""Data sets from tables (CSV, TSV, Parquet) of image paths with label, mask, group and split."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np

from handful.core.dataset import Dataset, Sample
from handful.core.left_out import LeftOut
from handful.data.bags import bag_dataset
from handful.data.class_names import class_index, class_names, consistent_names, nfc, warn_minus_one
from handful.data.masks.attach import with_mask
from handful.data.masks.image_file import read_mask
from handful.data.masks.provenance import read_source
from handful.data.readers.table_faults import ListedTwiceError, RowFaults
from handful.data.readers.table_paths import TablePaths, portable
from handful.data.readers.table_rows import Row, further_role, header_of, refuse_missing_column, stream_rows
from handful.data.readers.table_votes import Votes, vote_columns
from handful.data.split_names import parse_split
from handful.data.votes import weight_of, with_votes
from handful.errors import DataError, option

T = TypeVar("T")


def read_table(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    classes: Sequence[str] | None = None,
    allow_outside: bool = False,
    on_error: Callable[[str, DataError], None] | None = None,
    bag: str | None = None,
) -> Dataset:
    """A data set from a table with a column `path` and, optionally, `label`, `mask`, `group` and `split`.

    Paths are relative to the table's folder, and found as `TablePaths` says. An empty label is an unlabelled image, an
    empty mask, group or split is None. Words beside the image (`Sample.text`) and weights are read where `columns`
    names theirs. Columns `votes:CLASS` hold how many annotators named a class, or its probability: their shares are
    `Sample.probabilities`, and without a label the class of most votes is the label (`handful.data.votes`).
    Every cell is read as text, so a class may be called NA or 007; labels of a Parquet file are read as
    `handful.data.labels.label_texts` does, and by the class names that Hugging Face stores in the file. "-1" is no
    label where all labels are whole numbers from 0, as `handful.data.class_names.consistent_names` says. Masks are
    image files. Ids are the paths as written in the table, with slashes and in Unicode's composed form. A CSV file is
    UTF-8 (or UTF-16 with its mark), and separated by commas, semicolons, tabs or bars.

    Args:
        path: ends in .csv, .tsv or .parquet.
        columns: the table's own names, such as {"path": "filename", "label": "species"}.
        classes: the expected class names; None: those that occur.
        allow_outside: allow paths outside the table's folder.
        on_error: called with the id and the error of a row that cannot be used, which is left out; None: the error is
            raised.
        bag: the column that names the bag of each image, whose label then belongs to the bag; None: no bags.

    Raises:
        DataError: unreadable table, missing column or file, path outside the folder, rows of one image that differ,
            unknown split, label outside `classes`; names the row, or several with the same fault.
    """
    if bag is not None:
        refuse_missing_column(path, bag, columns)
    columns_of_votes = vote_columns(path, header_of(path, columns)[0])
    further = (*(() if bag is None else (bag,)), *columns_of_votes.values())
    rows = list(stream_rows(path, columns, further=further))
    texts = _labels([row["label"] for _, row in rows])
    names = consistent_names(texts, classes, where=path, unlabelled=False)
    votes = Votes(path, columns_of_votes, rows)
    all_classes = class_names([*names, *votes.names], classes)
    index = {name: i for i, name in enumerate(all_classes)}
    labels = {where: name for (where, _), name in zip(rows, names, strict=True)}

    def known(row: Row, where: str) -> tuple[int | None, str | None]:
        name = labels[where]
        label = None if name is None else class_index(name, index, where)
        return label, None if bag is None else _bag_of(row, bag, where)

    read = read_rows(path, rows, known, allow_outside=allow_outside, on_error=on_error)
    samples = tuple(replace(sample, label=label, bag=name) for sample, (label, name), _ in read)
    data = Dataset(samples, all_classes, () if votes.names else _other_columns(path, columns, bag))
    if votes.names and read:
        data = with_votes(data, np.stack([votes.row(where) for _, _, where in read]), votes.names, where=path)
    data = data if bag is None else bag_dataset(data)
    written = {where: text for (where, _), text in zip(rows, texts, strict=True)}
    used = [where for _, _, where in read]
    warn_minus_one([written[where] for where in used], [labels[where] for where in used], data.samples, path)
    return data


def read_rows(
    path: Path,
    rows: Sequence[tuple[str, Row]],
    known: Callable[[Row, str], T],
    *,
    allow_outside: bool,
    on_error: Callable[[str, DataError], None] | None,
) -> list[tuple[Sample, T, str]]:
    """The sample of each row, what is known of it, and where the row is. Rows that agree are read once, with a note.

    Args:
        path: of the table.
        rows: each with where it is.
        known: what a row, and where it is, say of its image.
        allow_outside: allow paths outside the table's folder.
        on_error: as for `read_table`.

    Raises:
        DataError: there are no rows, or as `read_table`.
    """
    if not rows:
        raise DataError("the table has no rows", where=path, remedy="list one image per row.")
    paths = TablePaths(path.parent, allow_outside=allow_outside, search_below=True)
    faults, seen = RowFaults(path, on_error, dict(rows)), dict[Path, str]()
    read = []
    for where, row in rows:
        try:
            read.append((sample_of(row, where, paths, seen), known(row, where), where))
        except DataError as error:
            faults.add(sample_id(portable(row["path"])), error)
    faults.refuse()
    faults.warn_repeats()
    paths.warn_below(path)
    return read


def _bag_of(row: Row, bag: str, where: str) -> str:
    """The bag of a row's image.

    Raises:
        DataError: the cell is empty.
    """
    if name := nfc(row[further_role(bag)]):
        return name
    raise DataError("the image is in no bag", where=f"{where}, {bag}", remedy="name its bag, or remove the row.")


def sample_of(row: Row, where: str, paths: TablePaths, seen: dict[Path, str]) -> Sample:
    """The sample of a row, without its label.

    Raises:
        DataError: the image is missing or was seen, or the split or the mask cannot be read; names the row.
    """
    image = paths.find(row["path"], where)
    if image in seen:
        error = ListedTwiceError(
            f"the image {row['path']} is listed twice", where=where, remedy=f"remove this row or {seen[image]}."
        )
        error.first = seen[image]
        raise error
    seen[image] = where
    sample = Sample(
        id=sample_id(paths.spelling(row["path"])),
        image=image,
        group=nfc(row["group"]) or None,
        split=parse_split(row["split"], where),
        text=row.get("text") or None,
        weight=weight_of(row.get("weight", ""), where),
    )
    if not row["mask"]:
        return sample
    mask = paths.find(row["mask"], where, "mask")
    return with_mask(sample, read_mask(mask), where=f"{where}, {row['mask']}", source=read_source(mask))


def sample_id(path: str) -> str:
    """The id of the image at a path as the table writes it."""
    return nfc(PurePosixPath(path).as_posix())


def _labels(cells: Sequence[str]) -> list[str | None]:
    """The labels, without the blanks that follow each separator or precede it."""
    filled = [cell for cell in cells if cell.strip()]
    if all(cell[0].isspace() for cell in filled):
        cells = [cell.lstrip() for cell in cells]
    if all(cell[-1].isspace() for cell in filled):
        cells = [cell.rstrip() for cell in cells]
    return [cell if cell.strip() else None for cell in cells]


def _other_columns(path: Path, columns: Mapping[str, str] | None, bag: str | None) -> tuple[LeftOut, ...]:
    """The columns that are not read, if none is the label's: one of them may be meant."""
    header, positions = header_of(path, columns)
    unread = (name.strip() for i, name in enumerate(header) if i not in positions.values())
    others = tuple(name for name in unread if name and nfc(name) != bag)
    if "label" in positions or not others:
        return ()
    remedy = f"name the column of the labels, if it is one of them ({option('columns', {'label': 'NAME'})})"
    return (LeftOut("columns of a table without a column label", others, remedy),)

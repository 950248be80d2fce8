"""Data sets from tables (CSV, TSV, Parquet) of image paths with label, mask, group and split."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow
import pyarrow.parquet

from handful.core.dataset import Dataset, Sample
from handful.data.class_names import class_index, class_names
from handful.data.masks.attach import with_mask
from handful.data.masks.image_file import read_mask
from handful.data.split_names import parse_split
from handful.errors import DataError, nearest, option

ROLES = ("path", "label", "mask", "group", "split")
BATCH_ROWS = 4096  # rows of a Parquet file in memory at a time
Row = dict[str, str]


def read_table(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    classes: Sequence[str] | None = None,
    allow_outside: bool = False,
) -> Dataset:
    """A data set from a table with a column `path` and, optionally, `label`, `mask`, `group` and `split`.

    Paths are relative to the table's folder. An empty label is an unlabelled image, an empty mask, group or split is
    None. Every cell is read as text, so a class may be called NA or 007. Masks are PNG files. Ids are the paths
    as written in the table.

    Args:
        path: ends in .csv, .tsv or .parquet.
        columns: the table's own names, such as {"path": "filename", "label": "species"}.
        classes: the expected class names; None: those that occur.
        allow_outside: allow paths outside the table's folder.

    Raises:
        DataError: unreadable table, missing column or file, path outside the folder, image listed twice,
            unknown split, label outside `classes`; names the row.
    """
    rows = list(stream_rows(path, columns))
    if not rows:
        raise DataError("the table has no rows", where=path, remedy="list one image per row.")
    all_classes = class_names([row["label"] or None for _, row in rows], classes)
    index = {name: i for i, name in enumerate(all_classes)}
    seen: dict[Path, str] = {}
    samples = []
    for where, row in rows:
        image = _file(path.parent, row["path"], where, allow_outside, "image")
        if image in seen:
            raise DataError(
                f"the image {row['path']} is listed twice", where=where, remedy=f"remove this row or {seen[image]}."
            )
        seen[image] = where
        sample = Sample(
            id=Path(row["path"]).as_posix(),
            image=image,
            label=class_index(row["label"], index, where) if row["label"] else None,
            group=row["group"] or None,
            split=parse_split(row["split"], where),
        )
        if row["mask"]:
            mask = _file(path.parent, row["mask"], where, allow_outside, "mask")
            sample = with_mask(sample, read_mask(mask), where=f"{where}, {row['mask']}")
        samples.append(sample)
    return Dataset(tuple(samples), all_classes)


def _names(columns: Mapping[str, str]) -> dict[str, str]:
    for role in columns:
        if role not in ROLES:
            raise DataError(f"unknown column role {role!r}", where="columns", remedy=nearest(role, ROLES))
    return {role: columns.get(role, role) for role in ROLES}


def stream_rows(path: Path, columns: Mapping[str, str] | None = None) -> Iterator[tuple[str, Row]]:
    """Each row's position in the file (for errors), and its cells by role; few rows are in memory at a time.

    Raises:
        DataError: missing or unreadable table, or no column for `path` or for a role in `columns`.
    """
    column_names = _names(columns or {})
    if not path.is_file():
        raise DataError("no such file", where=path, remedy="check the path.")
    try:
        lines = _parquet(path) if path.suffix.lower() == ".parquet" else _text(path)
        _, header = next(lines)
        positions = {name.strip(): i for i, name in enumerate(header)}
        for role, name in column_names.items():
            if name not in positions and (role == "path" or name != role):
                raise _no_column(path, role, name, header)
        position = {role: positions[name] for role, name in column_names.items() if name in positions}
        for where, row in lines:
            yield where, {role: row[position[role]].strip() if role in position else "" for role in ROLES}
    except DataError:
        raise
    except (OSError, ValueError, csv.Error, pyarrow.ArrowException) as error:
        raise DataError(
            f"the table cannot be read ({error})",
            where=path,
            remedy="save it again as UTF-8 CSV, TSV or Parquet.",
        ) from error


def _text(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The header, then each row."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
        header = next(reader, [])
        yield f"{path}, line 1", header
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if len(row) > len(header):
                raise DataError(
                    f"the row has {len(row)} cells, the header {len(header)}",
                    where=where,
                    remedy="quote cells that contain the separator.",
                )
            if row:
                yield where, row + [""] * (len(header) - len(row))


def _parquet(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The header, then each row."""
    table = pyarrow.parquet.ParquetFile(path)
    yield str(path), table.schema_arrow.names
    row = 0
    for batch in table.iter_batches(batch_size=BATCH_ROWS):
        columns = [[_cell(value) for value in column.to_pylist()] for column in batch.columns]
        for cells in zip(*columns, strict=True):
            row += 1
            yield f"{path}, row {row}", list(cells)


def _cell(value: object) -> str:
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, float) and value.is_integer():  # whole numbers beside gaps are stored as floats
        return str(int(value))
    return str(value)


def _no_column(path: Path, role: str, name: str, header: list[str]) -> DataError:
    if len(header) == 1 and any(separator in header[0] for separator in ";\t|,"):
        remedy = "separate the columns by commas (.csv) or tabs (.tsv)."
    else:
        near = nearest(name, tuple(header)) if header else "add a header line."
        remedy = f"add it, or name the column that holds the {role} ({option('columns', {role: 'NAME'})}); {near}"
    what = f"no column {name!r}; columns are {', '.join(header) or 'none'}"
    return DataError(what, where=path, remedy=remedy)


def _file(folder: Path, name: str, where: str, allow_outside: bool, kind: str) -> Path:
    file = named_file(folder, name, where, allow_outside=allow_outside, kind=kind)
    if not file.is_file():
        raise DataError(f"no such {kind}: {name}", where=where, remedy="paths are relative to the table's own folder.")
    return file


def named_file(folder: Path, name: str, where: str, *, allow_outside: bool, kind: str = "image") -> Path:
    """The path of the file that a row of a table names; it need not exist.

    Raises:
        DataError: the name is empty, or outside the table's folder without `allow_outside`.
    """
    if not name:
        raise DataError(f"the {kind} path is empty", where=where, remedy="fill it in, or remove the row.")
    file = (folder / name).resolve()
    if not allow_outside and not file.is_relative_to(folder.resolve()):
        raise DataError(
            f"the {kind} path {name} leads out of the table's folder",
            where=where,
            remedy=f"move the file below the table, or pass {option('allow_outside')} if you trust the table.",
        )
    return file

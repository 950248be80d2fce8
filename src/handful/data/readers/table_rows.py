"""Rows of tables (CSV, TSV, Parquet) as text, few at a time."""

import csv
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from handful.core.file_names import printable
from handful.core.text import listed, shorten_middle
from handful.data.class_names import nfc
from handful.data.labels import group_texts, label_texts
from handful.data.readers.hugging_face_files import class_names_of, named_positions
from handful.errors import DataError, nearest, option

ROLES = ("path", "label", "mask", "group", "split")
NAMED = ("text", "weight")  # roles that a column has only where `columns` names it
BATCH_ROWS = 4096  # rows of a Parquet file in memory at a time
SEPARATORS = (",", ";", "\t", "|")
TABLES = (".csv", ".tsv", ".txt", ".parquet")
SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
MOST_COLUMNS, LONGEST_NAME = 20, 40  # that a message names, and their characters
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_BINARY = {b"PAR1": "Parquet", b"\x1f\x8b": "gzip", b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"%PDF": "PDF"}
Row = dict[str, str]


def stream_rows(
    path: Path, columns: Mapping[str, str] | None = None, *, further: Sequence[str] = ()
) -> Iterator[tuple[str, Row]]:
    """Each row's position in the file (for errors), and its cells by role; few rows are in memory at a time.

    `further` names columns without a role; the cell of one is under the role `further_role(name)`.

    Paths and labels are as written, with the blanks at their ends; other cells are without. A column without a match
    in the header may differ from it in case alone.

    Raises:
        DataError: missing or unreadable table, or no column for `path` or for a role in `columns`.
    """
    refuse_binary(path)
    names = _names(columns or {}) | {further_role(name): name for name in further}
    with _readable(path):
        rows = _parquet(path, names) if path.suffix.lower() == ".parquet" else _text(path, names)
        for where, row in rows:
            yield where, {r: row[r] if r in ("path", "label") else row[r].strip() for r in names}


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What goes wrong in reading a table is a `DataError`.

    Raises:
        DataError: the table is not UTF-8, or damaged.
    """
    try:
        yield
    except DataError:
        raise
    except UnicodeDecodeError as error:
        raise DataError(
            "the table is not UTF-8",
            where=path,
            remedy="save it again as UTF-8: in Excel as the type 'CSV UTF-8', in LibreOffice with the character set "
            "Unicode (UTF-8); or as Parquet.",
        ) from error
    except (OSError, ValueError, csv.Error, pyarrow.ArrowException) as error:
        raise DataError(
            f"the table cannot be read ({error})",
            where=path,
            remedy="save it again as UTF-8 CSV, TSV or Parquet.",
        ) from error


def further_role(name: str) -> str:
    """The role of a column that has none of `ROLES`."""
    return f"column {name}"


def role_name(role: str) -> str:
    """The role of a column, or the name of one that has none of `ROLES`."""
    return role.removeprefix("column ")


def refuse_binary(path: Path) -> None:
    """Refuse a file that is missing, or whose content is that of a spreadsheet or an archive, whatever its name.

    Raises:
        DataError: it is.
    """
    if not path.is_file():
        raise DataError("no such file", where=path, remedy="check the path.")
    with path.open("rb") as file:
        head = file.read(8)
    if path.suffix.lower() in SPREADSHEETS or head.startswith((_ZIP, _OLE)):
        raise spreadsheet(path)
    content = next((name for start, name in _BINARY.items() if head.startswith(start)), None)
    if content is not None and not (content == "Parquet" and path.suffix.lower() == ".parquet"):
        what, remedy = (
            f"this is {content} data, not text",
            "give it the ending of its format, or save the table as CSV.",
        )
        raise DataError(what, where=path, remedy=remedy)


def spreadsheet(path: Path) -> DataError:
    """The error for a file of a spreadsheet program."""
    return DataError(
        "this is a file of a spreadsheet program, and a table is read from text"
        if path.suffix.lower() in SPREADSHEETS
        else "this is a spreadsheet or an archive by its content, not text",
        where=path,
        remedy="open it there and save it as CSV: in Excel as the type 'CSV UTF-8', in LibreOffice as 'Text CSV' with "
        "the character set Unicode (UTF-8).",
    )


def header_of(path: Path, columns: Mapping[str, str] | None = None) -> tuple[list[str], dict[str, int]]:
    """The names of a table's columns, and the position of the column for each role that has one.

    Raises:
        DataError: missing or unreadable table, or no column for `path` or for a role in `columns`.
    """
    refuse_binary(path)
    names = _names(columns or {})
    with _readable(path):
        if path.suffix.lower() == ".parquet":
            header = pyarrow.parquet.read_schema(path).names
        else:
            separator = _separator(path, names)
            with path.open(encoding=_encoding(path), newline="") as file:
                header = next(csv.reader(file, delimiter=separator, strict=True), [])
    return header, _positions(path, header, names)


def refuse_missing_column(path: Path, name: str, columns: Mapping[str, str] | None = None) -> None:
    """Refuse a table without a column that an option names.

    Raises:
        DataError: with the nearest name.
    """
    header, _ = header_of(path, columns)
    names = tuple(nfc(column.strip()) for column in header)
    if name not in names:
        raise DataError(f"no column {name!r}", where=path, remedy=nearest(name, names))


def _names(columns: Mapping[str, str]) -> dict[str, str]:
    for role in columns:
        if role not in (*ROLES, *NAMED):
            raise DataError(f"unknown column role {role!r}", where="columns", remedy=nearest(role, (*ROLES, *NAMED)))
    return {role: columns.get(role, role) for role in (*ROLES, *NAMED) if role in ROLES or role in columns}


def _positions(path: Path, header: list[str], names: Mapping[str, str]) -> dict[str, int]:
    positions = {role: _position(header, name) for role, name in names.items()}
    for role, name in names.items():
        if positions[role] is None and (role in ("path", *NAMED) or name != role):
            raise _no_column(path, role, name, header)
    return {role: position for role, position in positions.items() if position is not None}


def _position(header: list[str], name: str) -> int | None:
    stripped = [column.strip() for column in header]
    if name in stripped:
        return stripped.index(name)
    alike = [i for i, column in enumerate(stripped) if column.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    zeros = head.count(b"\0")
    if zeros > len(head) // 4:  # UTF-16 without its mark: every second byte of plain text is 0
        return "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
    return "utf-8-sig"


def _separator(path: Path, names: Mapping[str, str]) -> str:
    """The separator with which the header has the columns that are needed; else the one of the file's ending."""
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    needed = [name for role, name in names.items() if role == "path" or name != role]
    with path.open(encoding=_encoding(path), newline="") as file:
        line = file.readline()
    for separator in (usual, *SEPARATORS):
        try:
            header = next(csv.reader([line], delimiter=separator), [])
        except csv.Error:
            continue
        if all(_position(header, name) is not None for name in needed):
            return separator
    return usual


def _text(path: Path, names: Mapping[str, str]) -> Iterator[tuple[str, Row]]:
    separator = _separator(path, names)
    with path.open(encoding=_encoding(path), newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        header = next(reader, [])
        positions = _positions(path, header, names)
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if len(row) > len(header):
                raise DataError(
                    f"the row has {len(row)} cells, the header {len(header)}",
                    where=where,
                    remedy="quote cells that contain the separator.",
                )
            if row:
                cells = row + [""] * (len(header) - len(row))
                yield where, {role: cells[positions[role]] if role in positions else "" for role in names}


def _parquet(path: Path, names: Mapping[str, str]) -> Iterator[tuple[str, Row]]:
    table = pyarrow.parquet.ParquetFile(path)
    schema = table.schema_arrow
    positions = _positions(path, schema.names, names)
    classes = class_names_of(schema, schema.names[positions["label"]]) if "label" in positions else None
    start = 0
    for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=[schema.names[i] for i in set(positions.values())]):
        cells = {}
        for role, position in positions.items():
            name = schema.names[position]
            texts = _cells(batch.column(name).to_pylist(), role, f"{path}, {name}", start)
            cells[role] = named_positions(texts, classes, path) if role == "label" and classes else texts
        for i in range(batch.num_rows):
            yield f"{path}, row {start + i + 1}", {r: (cells[r][i] or "") if r in cells else "" for r in names}
        start += batch.num_rows


def _cells(values: list[Any], role: str, name: str, start: int) -> list[str | None]:
    return label_texts(values, role=name, start=start) if role == "label" else group_texts(values, name, start=start)


def _no_column(path: Path, role: str, name: str, header: list[str]) -> DataError:
    header = [printable(column) for column in header]
    near = nearest(name, tuple(header), otherwise="it is one of those above.") if header else "add a header line."
    remedy = f"add it, or name the column that holds the {role} ({option('columns', {role: 'NAME'})}); {near}"
    if len(header) == 1 and any(separator in header[0] for separator in SEPARATORS):
        remedy = "separate the columns by commas or semicolons (.csv) or tabs (.tsv), the header too."
    shown = listed([shorten_middle(column, LONGEST_NAME) for column in header], MOST_COLUMNS) or "none"
    return DataError(f"no column {name!r}; columns are {shown}", where=path, remedy=remedy)

"""User files about classes: a vector per class (CSV, NPZ), or a text per class (TOML, CSV)."""

import csv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from handful.core.parsing import read_toml
from handful.core.text import listed
from handful.errors import DataError

Vector = Float[np.ndarray, " d"]


def read_class_vectors(path: Path) -> dict[str, Vector]:
    """Float32 vectors by class name.

    A CSV row is a name and d numbers; a header is optional. An NPZ archive has the arrays `classes` [k] and `vectors`
    [k d], or one vector per class under its name.

    Raises:
        DataError: the file does not exist, has another format, has a name twice, or vectors of different lengths.
    """
    if not path.is_file():
        raise DataError("no such file", where=path, remedy="check the path.")
    if path.suffix.lower() not in (".csv", ".npz"):
        raise DataError("not a file of vectors", where=path, remedy="give a .csv or .npz file.")
    pairs = _read_npz(path) if path.suffix.lower() == ".npz" else _read_csv(path)
    vectors: dict[str, Vector] = {}
    for name, vector in pairs:
        if name in vectors:
            raise DataError(f"the class {name!r} is listed twice", where=path, remedy="keep one of them.")
        if vector.ndim != 1 or len(vector) == 0 or not np.isfinite(vector).all():
            raise DataError(f"the vector of {name!r} is not a row of finite numbers", where=path, remedy="fix it.")
        vectors[name] = vector.astype(np.float32)
    lengths = {len(vector): name for name, vector in vectors.items()}
    if len(lengths) != 1:
        listed = " and ".join(f"{n} ({name!r})" for n, name in list(lengths.items())[:2]) or "none"
        raise DataError(f"all vectors must have one length, not {listed}", where=path, remedy="fix the file.")
    return vectors


def _read_csv(path: Path) -> list[tuple[str, Vector]]:
    rows = _rows(path)
    if rows and len(rows[0]) > 1 and not _is_number(rows[0][1]):
        rows = rows[1:]
    pairs = []
    for row in rows:
        try:
            pairs.append((row[0].strip(), np.array([float(cell) for cell in row[1:]], dtype=np.float32)))
        except ValueError as error:
            raise DataError(f"in the row of {row[0]!r}: {error}", where=path, remedy="fix that row.") from error
    return pairs


def _read_npz(path: Path) -> list[tuple[str, Vector]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"the archive cannot be read ({error})", where=path, remedy="save it again.") from error
    if arrays.keys() == {"classes", "vectors"}:
        names, vectors = arrays["classes"], arrays["vectors"]
        if names.ndim != 1 or vectors.ndim != 2 or len(names) != len(vectors) or vectors.dtype.kind not in "fiu":
            raise DataError(
                f"classes {names.shape} and vectors {vectors.shape} do not fit", where=path, remedy="give [k], [k d]."
            )
        return [(str(name), vector.astype(np.float32)) for name, vector in zip(names, vectors, strict=True)]
    not_numbers = [name for name, array in arrays.items() if array.dtype.kind not in "fiu"]
    if not_numbers:
        raise DataError(
            f"{not_numbers[0]!r} is not an array of numbers", where=path, remedy="give `classes` and `vectors`."
        )
    return [(name, array.astype(np.float32)) for name, array in arrays.items()]


def read_class_texts(source: Mapping[str, str] | str | None, classes: tuple[str, ...], *, what: str) -> dict[str, str]:
    """Text by class name.

    Args:
        source: a mapping, or a TOML ("0" = "zero") or CSV (0,zero) file; None: no texts. A file may have texts of other
            classes too.
        classes: class names.
        what: the kind of text, for errors: "aliases" or "descriptions".

    Raises:
        DataError: the file does not exist, has another format, or has none of the classes; a mapping has another name;
            a text is empty.
    """
    if source is None:
        return {}
    if isinstance(source, Mapping):
        where: object = what
        texts: dict[str, Any] = dict(source)
        unknown = [name for name in texts if name not in classes]
        if unknown:
            raise DataError(f"unknown class {unknown[0]!r}", where=what, remedy=f"classes are {listed(classes, 9)}.")
    else:
        where = Path(source)
        texts = _read_text_file(Path(source), what)
        if not any(name in classes for name in texts):
            raise DataError(
                f"no class is in this file of {what}",
                where=where,
                remedy=f"write the classes' names as the data has them: {listed(classes, 9)}.",
            )
    empty = [name for name, text in texts.items() if not isinstance(text, str) or not text.strip()]
    if empty:
        raise DataError(f"{empty[0]!r} has no text", where=where, remedy='write e.g. "0" = "zero".')
    return {name: text for name, text in texts.items() if name in classes}


def _read_text_file(path: Path, what: str) -> dict[str, Any]:
    if not path.is_file():
        raise DataError("no such file", where=path, remedy="check the path.")
    if path.suffix.lower() == ".toml":
        try:
            return read_toml(path)
        except (OSError, ValueError) as error:
            raise DataError(f"not TOML: {error}", where=path, remedy='write lines like "0" = "zero".') from error
    if path.suffix.lower() != ".csv":
        raise DataError(f"not a file of {what}", where=path, remedy="give a .toml or .csv file.")
    texts: dict[str, str] = {}
    for row in _rows(path):
        if len(row) != 2 or row[0].strip() in texts:
            raise DataError(
                f"the row {','.join(row)!r} is not a class and its text, or is listed twice",
                where=path,
                remedy="fix it.",
            )
        texts[row[0].strip()] = row[1].strip()
    return texts


def _rows(path: Path) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [row for row in csv.reader(file, strict=True) if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"not a CSV file: {error}", where=path, remedy="save it as UTF-8 CSV.") from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

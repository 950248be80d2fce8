"""Files of Hugging Face's data sets: which belong to one, the splits in their names, and what their schemas declare."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from handful.core.dataset import Split
from handful.data.class_names import nfc
from handful.data.split_names import split_of
from handful.errors import DataError

BATCH_ROWS = 256  # rows of encoded images in memory at a time
_SHARD = re.compile(r"(.+?)-\d+-of-\d+.*")  # "train-00000-of-00001", as the hub names files
_PARQUET = "*.[pP][aA][rR][qQ][uU][eE][tT]"


def is_hugging_face(path: Path) -> bool:
    """Whether a path is a Parquet file with images inside, a folder of such files, or one of `save_to_disk`.

    Raises:
        DataError: a Parquet file that is damaged.
    """
    if path.is_dir():
        if (path / "dataset_dict.json").is_file():
            return True
        if (path / "state.json").is_file() and (path / "dataset_info.json").is_file():
            return True
        return any(is_hugging_face(file) for file in _parquet_files(path)[:1])
    if path.suffix.lower() != ".parquet" or not path.is_file():
        return False
    with open_batches(path) as (schema, _):
        a_table = "path" in schema.names and _is_text(schema.field("path").type)
        return bool(image_columns(schema)) and not a_table


def class_names_of(schema: pa.Schema, column: str) -> list[str] | None:
    """The class names of a column of class positions, as Hugging Face stores them in the file; None: none."""
    feature = _features(schema).get(column)
    names = feature.get("names") if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" else None
    return [nfc(str(name)) for name in names] if isinstance(names, list) else None


def named_positions(texts: Sequence[str | None], names: Sequence[str], where: object) -> list[str | None]:
    """The class names of labels that are positions in `names`; -1: no label.

    Raises:
        DataError: a label is outside the names.
    """
    for text in texts:
        if text is not None and text != "-1" and not (text.isdecimal() and int(text) < len(names)):
            raise DataError(
                f"the label {text} is outside the {len(names)} class names of the file",
                where=where,
                remedy="labels count from 0 in the order of the names; correct the file.",
            )
    return [None if text is None or text == "-1" else names[int(text)] for text in texts]


def _features(schema: pa.Schema) -> dict[str, Any]:
    try:
        content = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = content["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def files_of(path: Path) -> list[tuple[Split | None, Path]]:
    """The files of a data set with their splits.

    Raises:
        DataError: files of several configurations, or a split that has another name.
    """
    if path.is_file():
        named = _SHARD.fullmatch(path.stem)
        return [(split_of(named[1]) if named else None, path)]
    if (path / "dataset_dict.json").is_file():
        folders = sorted(f for f in path.iterdir() if (f / "state.json").is_file())
        return [(_known_split(f.name, f), file) for f in folders for file in _arrow_files(f)]
    if (path / "state.json").is_file():
        return [(split_of(path.name), file) for file in _arrow_files(path)]
    files = _parquet_files(path)
    named_splits = [(_name_of_split(file, path), file) for file in files]
    configurations = sorted({_configuration(file, path) for file in files})
    if len(configurations) > 1:
        raise DataError(
            f"the folder holds several data sets ({', '.join(configurations)})",
            where=path,
            remedy="give the folder of one of them.",
        )
    if not any(split_of(name) for name, _ in named_splits):
        return [(None, file) for _, file in named_splits]
    return [(_known_split(name, file), file) for name, file in named_splits]


def _known_split(name: str, where: Path) -> Split | None:
    split = split_of(name)
    if split is None:
        raise DataError(
            f"{name!r} is not the name of a split", where=where, remedy="rename it (train, val, test), or move it away."
        )
    return split


def _arrow_files(folder: Path) -> list[Path]:
    """The files that `save_to_disk` wrote; caches beside them are others."""
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        names = [str(entry["filename"]) for entry in state["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(folder / "state.json", error) from error
    for name in names:
        if PurePosixPath(name.replace("\\", "/")).name != name or not (folder / name).is_file():
            raise _damaged(folder / "state.json", f"no file {name!r}")
    return [folder / name for name in names]


def _parquet_files(folder: Path) -> list[Path]:
    """Parquet files in a folder, in `data`, or in folders of configurations and splits."""
    files = [f for above in ("", "*/", "*/*/") for f in folder.glob(above + _PARQUET)]
    return sorted(f for f in files if not any(part.startswith(".") for part in f.relative_to(folder).parts))


def _name_of_split(file: Path, root: Path) -> str:
    shard = _SHARD.fullmatch(file.stem)
    if shard:
        return shard[1]
    return file.stem if split_of(file.stem) or file.parent == root else file.parent.name


def _configuration(file: Path, root: Path) -> str:
    parts = file.relative_to(root).parts[:-1]
    return "/".join(part for part in parts if split_of(part) is None)


@contextmanager
def open_batches(file: Path) -> Iterator[tuple[pa.Schema, Callable[[list[str]], Iterator[pa.RecordBatch]]]]:
    """The schema of a file, and a function that yields batches of some of its columns.

    Raises:
        DataError: the file is damaged.
    """
    try:
        if file.suffix.lower() == ".parquet":
            with pq.ParquetFile(file) as table:
                yield table.schema_arrow, lambda names: table.iter_batches(batch_size=BATCH_ROWS, columns=names)
            return
        with pa.memory_map(str(file)) as source, pa.ipc.open_stream(source) as stream:
            yield stream.schema, lambda names: (batch.select(names) for batch in stream)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(file, error) from error


def _damaged(file: Path, error: object) -> DataError:
    return DataError(f"the file is damaged ({error})", where=file, remedy="download or write it again.")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def image_columns(schema: pa.Schema) -> list[str]:
    """The columns of `bytes` and `path`, and those of bytes that hold images by their name or by Hugging Face's."""
    features = _features(schema)
    names = []
    for field in schema:
        declared = isinstance(features.get(field.name), dict) and features[field.name].get("_type") == "Image"
        binary = pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)
        struct = pa.types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0
        if struct or (binary and (declared or field.name in ("image", "img"))):
            names.append(field.name)
    return names

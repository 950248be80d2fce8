"""Where the images of an archive are: files in a folder or a table, members of tar shards, rows of Parquet files.

They are listed as they are met, a few in memory at a time, always in the same order. Nothing is decoded.
"""

import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from handful.data.images import SUFFIXES
from handful.data.readers.folder import refuse_masks_beside
from handful.data.readers.table import named_file, stream_rows
from handful.errors import DataError

TABLES = (".csv", ".tsv", ".parquet")
PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
SHARDS = (".tar", ".parquet")
ENDS = tuple(SUFFIXES)


@dataclass(frozen=True)
class Piece:
    """One image of an archive, as a place in a file below the archive's root.

    In a tar file `offset` and `length` are bytes. In a Parquet file `block` is the row group and `offset` the row in
    it. A whole file has the length -1.
    """

    id: str
    file: str
    block: int = 0
    offset: int = 0
    length: int = -1


@dataclass(frozen=True)
class Archive:
    """Images below a folder. `files` are its shards, or its table; none: the images lie in the folder itself."""

    root: Path
    files: tuple[Path, ...] = ()
    columns: Mapping[str, str] | None = None
    allow_outside: bool = False

    @property
    def packed(self) -> bool:
        """Whether images lie inside other files, which only a run in parts reads."""
        return any(f.suffix == ".tar" or holds_images(f, self.columns) for f in self.files)

    def pieces(self) -> Iterator[Piece]:
        """Every image, in an order that is always the same.

        Raises:
            DataError: a shard or table is damaged, or a table's path leads out of its folder.
        """
        if not self.files:
            yield from _folder(self.root)
        for file in self.files:
            if file.suffix == ".tar":
                yield from _tar(file, self.root)
            elif holds_images(file, self.columns):
                yield from _rows(file, self.root)
            else:
                yield from _table(file, self.columns, self.allow_outside)


def find(source: str, *, columns: Mapping[str, str] | None = None, allow_outside: bool = False) -> Archive:
    """The archive at a path.

    Args:
        source: a folder of images; a table (.csv, .tsv, .parquet) that names them; a Parquet file that holds them, in a
            column `image` of bytes (or of `bytes` and `path`, as Hugging Face stores it); a tar file as webdataset
            makes them; a folder of such shards; or a pattern of shards: shard-*.tar, shard-{000..099}.tar.
        columns: the table's own names by role: path, or image.
        allow_outside: let a table's paths leave its folder.

    Raises:
        DataError: there is nothing, or shards and images lie side by side, or shards are compressed.
    """
    path = Path(source)
    if path.is_dir():
        return Archive(path.resolve(), _shards(path, columns), columns, allow_outside)
    if not path.exists() and re.search(r"[*?\[{]", source):
        files = _matching(source)
        return Archive(_root(files), files, columns, allow_outside)
    if not path.is_file():
        raise DataError(
            "there is no such file or folder",
            where=source,
            remedy="check the path; shards are written shard-*.tar or shard-{000..099}.tar.",
        )
    _refuse_packed(path)
    if path.suffix.lower() not in (*TABLES, ".tar"):
        raise DataError(
            "this is neither a folder nor a table nor shards of images",
            where=source,
            remedy="give a folder, a .csv, .tsv or .parquet table, or .tar or .parquet shards.",
        )
    return Archive(path.resolve().parent, (path.resolve(),), columns, allow_outside)


def image_column(columns: Mapping[str, str] | None) -> str:
    """The name of the column that holds images."""
    return (columns or {}).get("image", "image")


def holds_images(path: Path, columns: Mapping[str, str] | None) -> bool:
    """Whether a file is a Parquet file with the images themselves in a column.

    Raises:
        DataError: it is a damaged Parquet file.
    """
    if path.suffix.lower() != ".parquet":
        return False
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error
    name = image_column(columns)
    if name not in schema.names:
        return False
    kind = schema.field(name).type
    if pa.types.is_struct(kind):
        return bool(kind.get_field_index("bytes") >= 0)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _shards(folder: Path, columns: Mapping[str, str] | None) -> tuple[Path, ...]:
    """The shards of a folder that holds no images beside them."""
    ends = (*SHARDS, *PACKED)
    names = (n for n in (f.name for f in folder.iterdir()) if n.lower().endswith(ends) and not n.startswith((".", "_")))
    files = [folder / name for name in sorted(names) if (folder / name).is_file()]
    for file in files:
        _refuse_packed(file)
    shards = tuple(f.resolve() for f in files if f.suffix == ".tar" or holds_images(f, columns))
    beside = next(_folder(folder), None) if shards else None
    if beside is not None:
        raise DataError(
            f"the folder holds shards ({shards[0].name}) and images ({beside.id})",
            where=folder,
            remedy="move them apart, or give a pattern such as FOLDER/*.tar.",
        )
    return shards


def _matching(pattern: str) -> tuple[Path, ...]:
    """The files of a pattern: every number of a range in braces, and what stars match, in order."""
    found: list[Path] = []
    for one in _braces(pattern):
        path = Path(one)
        if not re.search(r"[*?\[]", one):
            found.append(path)
            continue
        fixed = next(i for i, part in enumerate(path.parts) if re.search(r"[*?\[]", part))
        base = Path(*path.parts[:fixed]) if fixed else Path()
        found += sorted(base.glob(str(PurePosixPath(*path.parts[fixed:]))))
    for path in found:
        _refuse_packed(path)
        if not path.is_file() or path.suffix not in SHARDS:
            what = "this shard is missing" if not path.is_file() else "this is no .tar or .parquet shard"
            raise DataError(what, where=path, remedy=f"check the pattern {pattern}.")
    if not found:
        raise DataError("nothing matches", where=pattern, remedy="check the pattern.")
    return tuple(f.resolve() for f in found)


def _braces(pattern: str) -> Iterator[str]:
    """The texts of a pattern with ranges such as {000..099} in it."""
    found = re.search(r"\{(\d+)\.\.(\d+)\}", pattern)
    if found is None:
        yield pattern
        return
    first, last = found.groups()
    for number in range(int(first), int(last) + 1):
        yield from _braces(f"{pattern[: found.start()]}{number:0{len(first)}d}{pattern[found.end() :]}")


def _root(files: tuple[Path, ...]) -> Path:
    root = files[0].parent
    while not all(f.is_relative_to(root) for f in files):
        root = root.parent
    return root


def _refuse_packed(path: Path) -> None:
    if path.name.lower().endswith(PACKED):
        raise DataError(
            "the shard is compressed", where=path, remedy="decompress it to .tar: images are compressed themselves."
        )


def _folder(root: Path) -> Iterator[Piece]:
    refuse_masks_beside(root)

    def walk(folder: Path, below: str) -> Iterator[Piece]:
        with os.scandir(folder) as entries:  # it knows files from folders without asking the disk about each
            seen = [e for e in entries if not e.name.startswith(".")]
        folders = {e.name for e in seen if e.is_dir(follow_symlinks=not below) and not e.name.startswith("__")}
        files = [e.name for e in seen if e.name.lower().endswith(ENDS) and e.is_file()]
        del seen  # a folder may hold millions
        for name in sorted([*folders, *files]):
            if name in folders:
                yield from walk(folder / name, f"{below}{name}/")
            else:
                yield Piece(below + name, below + name)

    yield from walk(root, "")


def _table(path: Path, columns: Mapping[str, str] | None, allow_outside: bool) -> Iterator[Piece]:
    for where, row in stream_rows(path, columns):
        named_file(path.parent, row["path"], where, allow_outside=allow_outside)
        name = Path(row["path"]).as_posix()
        yield Piece(name, name)


def _tar(path: Path, root: Path) -> Iterator[Piece]:
    shard = path.relative_to(root).as_posix()
    seen: dict[str, int] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # else it remembers every one
                name = member.name.removeprefix("./")
                if not member.isreg() or member.issparse() or PurePosixPath(name).suffix.lower() not in SUFFIXES:
                    continue
                seen[name] = seen.get(name, 0) + 1
                again = f"#{seen[name]}" if seen[name] > 1 else ""  # a tar file may hold a name twice
                yield Piece(f"{shard}/{name}{again}", shard, 0, member.offset_data, member.size)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise _damaged(path, error) from error


def _rows(path: Path, root: Path) -> Iterator[Piece]:
    shard = path.relative_to(root).as_posix()
    meta = pq.read_metadata(path)
    number = 0
    for block in range(meta.num_row_groups):
        for row in range(meta.row_group(block).num_rows):
            yield Piece(f"{shard}/{number}", shard, block, row, 1)
            number += 1


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"the shard cannot be read ({error})", where=path, remedy="make it again, or remove it.")

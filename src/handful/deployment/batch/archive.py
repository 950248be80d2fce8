"""Archives of images: a folder, a table of paths, tar shards or Parquet files, listed without decoding anything.

Images are listed one by one, always in the same order, so that memory does not grow with their number.
"""

import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from handful.core.dataset import LeftOut
from handful.core.file_names import as_id, is_system_name
from handful.data.formats import ALL_SUFFIXES, NOT_READ
from handful.data.readers.file_tree import BROKEN_LINKS, REMEDIES
from handful.data.readers.folder import refuse_image_mask_folders
from handful.data.readers.packed import LINKS
from handful.data.readers.table_paths import TablePaths, named_file
from handful.data.readers.table_rows import stream_rows
from handful.errors import DataError

TABLES = (".csv", ".tsv", ".txt", ".parquet")
PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
SHARDS = (".tar", ".parquet")
ENDS = tuple(ALL_SUFFIXES)


@dataclass(frozen=True)
class ImageLocation:
    """Location of one image: a file below the archive's root, or a range inside it.

    In a tar file, `offset` and `length` are bytes. In a Parquet file, `block` is the row group and `offset` the row
    within it. An image that is a file of its own has length -1.
    """

    id: str
    file: str
    block: int = 0
    offset: int = 0
    length: int = -1


@dataclass(frozen=True)
class Archive:
    """Images below a folder. `files` are its shards or its table; empty if the images are files in the folder."""

    root: Path
    files: tuple[Path, ...] = ()
    columns: Mapping[str, str] | None = None
    allow_outside: bool = False

    @property
    def packed(self) -> bool:
        """Whether the images are stored inside other files (shards), which only a batch run reads."""
        return any(f.suffix.lower() == ".tar" or holds_images(f, self.columns) for f in self.files)

    def locations(self, skipped: list[LeftOut] | None = None) -> Iterator[ImageLocation]:
        """Every image, always in the same order.

        Args:
            skipped: a list to which files that are not images, but may be meant as such, are added on the way.

        Raises:
            DataError: a shard or table is damaged, or a path in a table leads out of the table's folder.
        """
        skipped = [] if skipped is None else skipped
        if not self.files:
            yield from _list_folder(self.root, skipped)
        for file in self.files:
            if file.suffix.lower() == ".tar":
                yield from _list_tar(file, self.root, skipped)
            elif holds_images(file, self.columns):
                yield from _list_parquet(file, self.root)
            else:
                yield from _list_table(file, self.columns, self.allow_outside)


def is_shard(source: str, columns: Mapping[str, str] | None) -> bool:
    """Whether a path or pattern names shards, which hold images: tar files, or Parquet files with an image column.

    Raises:
        DataError: a Parquet file is damaged.
    """
    path = Path(source)
    if path.suffix.lower() != ".parquet":
        return path.suffix.lower() == ".tar" and not path.is_dir()
    return holds_images(path, columns) if path.is_file() else not path.is_dir() and _is_pattern(source)


def _is_pattern(source: str) -> bool:
    return re.search(r"[*?\[{]", source) is not None


def find_archive(
    source: str, *others: str, columns: Mapping[str, str] | None = None, allow_outside: bool = False
) -> Archive:
    """The archive at a path.

    Args:
        source: a folder of images; a table (.csv, .tsv, .parquet) of image paths; a Parquet file with the images in a
            column `image` of bytes (or of `bytes` and `path`, as Hugging Face stores it); a tar file in the layout of
            webdataset; a folder of such shards; or a pattern of shards: shard-*.tar, shard-{000..099}.tar.
        others: further shards or patterns of shards.
        columns: the table's column names by role: path, or image.
        allow_outside: let a table's paths lead out of its folder.

    Raises:
        DataError: nothing is there, a folder holds both shards and images, or shards are compressed.
    """
    path = Path(source)
    if others:
        files = tuple(file for one in (source, *others) for file in find_archive(one, columns=columns).files)
        return Archive(_common_root(files), files, columns, allow_outside)
    if path.is_dir():
        return Archive(path.resolve(), _shards(path, columns), columns, allow_outside)
    if not path.exists() and _is_pattern(source):
        files = _match_shards(source)
        return Archive(_common_root(files), files, columns, allow_outside)
    if not path.is_file():
        raise DataError(
            "no such file or folder",
            where=source,
            remedy="check the path; a pattern of shards is shard-*.tar or shard-{000..099}.tar.",
        )
    _refuse_packed(path)
    if path.suffix.lower() not in (*TABLES, ".tar"):
        raise DataError(
            "not a folder, a table or shards of images",
            where=source,
            remedy="give a folder, a .csv, .tsv or .parquet table, or .tar or .parquet shards.",
        )
    return Archive(path.resolve().parent, (path.resolve(),), columns, allow_outside)


def image_column(columns: Mapping[str, str] | None) -> str:
    """Name of the column that holds the images."""
    return (columns or {}).get("image", "image")


def holds_images(path: Path, columns: Mapping[str, str] | None) -> bool:
    """Whether a file is a Parquet file with the images in one of its columns.

    Raises:
        DataError: the Parquet file is damaged.
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
    """The shards in a folder, which may hold no images beside them."""
    ends = (*SHARDS, *PACKED)
    names = (n for n in (f.name for f in folder.iterdir()) if n.lower().endswith(ends) and not n.startswith((".", "_")))
    files = [folder / name for name in sorted(names) if (folder / name).is_file()]
    for file in files:
        _refuse_packed(file)
    shards = tuple(f.resolve() for f in files if f.suffix.lower() == ".tar" or holds_images(f, columns))
    image = next(_list_folder(folder, []), None) if shards else None
    if image is not None:
        raise DataError(
            f"the folder holds shards ({shards[0].name}) and images ({image.id})",
            where=folder,
            remedy="put them in separate folders, or give a pattern such as FOLDER/*.tar.",
        )
    return shards


def _match_shards(pattern: str) -> tuple[Path, ...]:
    """The files that match a pattern, in order: every number of a range in braces must exist."""
    files: list[Path] = []
    for expanded in _expand_braces(pattern):
        path = Path(expanded)
        if not re.search(r"[*?\[]", expanded):
            files.append(path)
            continue
        fixed = next(i for i, part in enumerate(path.parts) if re.search(r"[*?\[]", part))
        base = Path(*path.parts[:fixed]) if fixed else Path()
        files += sorted(base.glob(str(PurePosixPath(*path.parts[fixed:]))))
    for path in files:
        _refuse_packed(path)
        if not path.is_file() or path.suffix.lower() not in SHARDS:
            what = "this shard is missing" if not path.is_file() else "not a .tar or .parquet shard"
            raise DataError(what, where=path, remedy=f"check the pattern {pattern}.")
    if not files:
        raise DataError("no files match this pattern", where=pattern, remedy="check the pattern.")
    return tuple(f.resolve() for f in files)


def _expand_braces(pattern: str) -> Iterator[str]:
    """A pattern with each range such as {000..099} replaced by its numbers."""
    match = re.search(r"\{(\d+)\.\.(\d+)\}", pattern)
    if match is None:
        yield pattern
        return
    first, last = match.groups()
    for number in range(int(first), int(last) + 1):
        yield from _expand_braces(f"{pattern[: match.start()]}{number:0{len(first)}d}{pattern[match.end() :]}")


def _common_root(files: tuple[Path, ...]) -> Path:
    root = files[0].parent
    while not all(f.is_relative_to(root) for f in files):
        root = root.parent
    return root


def _refuse_packed(path: Path) -> None:
    if path.name.lower().endswith(PACKED):
        raise DataError(
            "the shard is compressed",
            where=path,
            remedy="decompress it to .tar (images are compressed anyway), or name a table as the output.",
        )


def _list_folder(root: Path, skipped: list[LeftOut]) -> Iterator[ImageLocation]:
    refuse_image_mask_folders(root)

    def walk(folder: Path, below: str, ancestors: tuple[tuple[int, int], ...]) -> Iterator[ImageLocation]:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in ancestors:  # a link to a folder above it
            return
        above = (*ancestors, (status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:  # tells files from folders without a system call for each
            visible = [e for e in entries if not is_system_name(e.name)]
        folders = {e.name for e in visible if e.is_dir()}
        files = [e.name for e in visible if e.name.lower().endswith(ENDS) and e.is_file()]
        for entry in visible:
            if entry.is_symlink() and not Path(entry.path).exists():
                skipped.append(LeftOut(BROKEN_LINKS, (as_id(below + entry.name),), REMEDIES[BROKEN_LINKS]))
            else:
                _record_unread(below + entry.name, skipped)
        del visible  # a folder may hold millions
        for name in sorted([*folders, *files]):
            if name in folders:
                yield from walk(folder / name, f"{below}{name}/", above)
            else:
                yield ImageLocation(as_id(below + name), below + name)

    yield from walk(root, "", ())


def _record_unread(name: str, skipped: list[LeftOut]) -> None:
    """Record a file whose ending is that of images which no version of handful reads."""
    suffix = PurePosixPath(name).suffix.lower()
    for image_format in NOT_READ:
        if suffix in image_format.suffixes:
            skipped.append(LeftOut(f"{image_format.name} files", (as_id(name),), image_format.remedy))


def _list_table(path: Path, columns: Mapping[str, str] | None, allow_outside: bool) -> Iterator[ImageLocation]:
    paths = TablePaths(path.parent, allow_outside=allow_outside, search_below=True)
    for where, row in stream_rows(path, columns):
        name = Path(row["path"].strip()).as_posix()
        if not named_file(path.parent, row["path"].strip(), where, allow_outside=allow_outside).is_file():
            yield _spelled_otherwise(paths, row["path"], where)
        else:
            yield ImageLocation(name, name)


def _spelled_otherwise(paths: TablePaths, name: str, where: str) -> ImageLocation:
    """The file that `TablePaths` finds under this name; if it finds none, the run records that when it reads it."""
    spelling, root = paths.spelling(name), paths.folder.resolve()
    named_file(paths.folder, spelling, where, allow_outside=paths.allow_outside)
    with suppress(DataError):
        file = paths.find(name, where)
        below = file.relative_to(root) if file.is_relative_to(root) else file
        return ImageLocation(spelling, below.as_posix())
    return ImageLocation(spelling, spelling)


def _list_tar(path: Path, root: Path, skipped: list[LeftOut]) -> Iterator[ImageLocation]:
    shard = path.relative_to(root).as_posix()
    occurrences: dict[str, int] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # otherwise it keeps all members in memory
                name = member.name.removeprefix("./")
                if any(is_system_name(part) for part in PurePosixPath(name).parts) or member.isdir():
                    continue
                if not member.isreg() or member.issparse():
                    skipped.append(
                        LeftOut(LINKS, (f"{shard}/{as_id(name)}",), "write the shard with the files themselves")
                    )
                    continue
                if PurePosixPath(name).suffix.lower() not in ALL_SUFFIXES:
                    _record_unread(f"{shard}/{name}", skipped)
                    continue
                occurrences[name] = occurrences.get(name, 0) + 1
                suffix = f"#{occurrences[name]}" if occurrences[name] > 1 else ""  # a tar file may hold a name twice
                yield ImageLocation(f"{shard}/{name}{suffix}", shard, 0, member.offset_data, member.size)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise _damaged(path, error) from error


def _list_parquet(path: Path, root: Path) -> Iterator[ImageLocation]:
    shard = path.relative_to(root).as_posix()
    meta = pq.read_metadata(path)
    number = 0
    for block in range(meta.num_row_groups):
        for row in range(meta.row_group(block).num_rows):
            yield ImageLocation(f"{shard}/{number}", shard, block, row, 1)
            number += 1


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"the shard cannot be read ({error})", where=path, remedy="write it again, or remove it.")

"""Images of a folder, a table of paths, a tar file or a Parquet file, one by one and in the same order, not decoded."""

import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from handful.core.file_names import as_id, is_system_name
from handful.core.left_out import LeftOut
from handful.data.formats import ALL_SUFFIXES, NOT_READ
from handful.data.readers.file_tree import BROKEN_LINKS, REMEDIES
from handful.data.readers.folder import refuse_image_mask_folders
from handful.data.readers.packed import LINKS
from handful.data.readers.table_paths import TablePaths, named_file
from handful.data.readers.table_rows import stream_rows
from handful.errors import DataError

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


def list_folder(root: Path, skipped: list[LeftOut]) -> Iterator[ImageLocation]:
    """The images below a folder, sorted; links to a folder above are not followed.

    Args:
        root: the folder.
        skipped: a list to which broken links and files that look like images are added.

    Raises:
        DataError: the folder holds images/ and masks/, not images.
    """
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


def list_table(path: Path, columns: Mapping[str, str] | None, allow_outside: bool) -> Iterator[ImageLocation]:
    """The images that a table names, in its order.

    Raises:
        DataError: the table is damaged, or a path leads out of its folder.
    """
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


def list_tar(path: Path, root: Path, skipped: list[LeftOut]) -> Iterator[ImageLocation]:
    """The images of a tar file, in its order; `skipped` is given its links and files that look like images.

    Raises:
        DataError: the file is damaged.
    """
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


def list_parquet(path: Path, root: Path) -> Iterator[ImageLocation]:
    """The rows of a Parquet file, by row group."""
    shard = path.relative_to(root).as_posix()
    meta = pq.read_metadata(path)
    number = 0
    for block in range(meta.num_row_groups):
        for row in range(meta.row_group(block).num_rows):
            yield ImageLocation(f"{shard}/{number}", shard, block, row, 1)
            number += 1


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"the shard cannot be read ({error})", where=path, remedy="write it again, or remove it.")

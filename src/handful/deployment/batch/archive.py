"""Archives of images: a folder, a table of paths, tar shards or Parquet files, listed without decoding anything.

Images are listed one by one, always in the same order, so that memory does not grow with their number.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from handful.core.left_out import LeftOut
from handful.data.readers.table_rows import TABLES
from handful.deployment.batch.image_locations import (
    ImageLocation,
    holds_images,
    list_folder,
    list_parquet,
    list_table,
    list_tar,
)
from handful.errors import DataError

PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
SHARDS = (".tar", ".parquet")


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
            yield from list_folder(self.root, skipped)
        for file in self.files:
            if file.suffix.lower() == ".tar":
                yield from list_tar(file, self.root, skipped)
            elif holds_images(file, self.columns):
                yield from list_parquet(file, self.root)
            else:
                yield from list_table(file, self.columns, self.allow_outside)


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


def _shards(folder: Path, columns: Mapping[str, str] | None) -> tuple[Path, ...]:
    """The shards in a folder, which may hold no images beside them."""
    ends = (*SHARDS, *PACKED)
    names = (n for n in (f.name for f in folder.iterdir()) if n.lower().endswith(ends) and not n.startswith((".", "_")))
    files = [folder / name for name in sorted(names) if (folder / name).is_file()]
    for file in files:
        _refuse_packed(file)
    shards = tuple(f.resolve() for f in files if f.suffix.lower() == ".tar" or holds_images(f, columns))
    image = next(list_folder(folder, []), None) if shards else None
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

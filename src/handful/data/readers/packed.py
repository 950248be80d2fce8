"""Zip and tar archives as image folders: unpacked into a temporary folder that is removed when the process ends."""

import atexit
import bz2
import gzip
import lzma
import os
import re
import shutil
import tarfile
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from handful.core.file_names import as_id, is_system_name
from handful.core.left_out import LeftOut
from handful.data.readers.file_tree import FileTree
from handful.data.split_names import split_of
from handful.errors import DataError, HandfulWarning

ZIP = (".zip",)
TAR = (".tar",)
COMPRESSED_TAR: dict[str, Callable[..., Any]] = {
    **dict.fromkeys((".tar.gz", ".tgz"), gzip.open),
    **dict.fromkeys((".tar.bz2", ".tbz2", ".tbz"), bz2.open),
    **dict.fromkeys((".tar.xz", ".txz"), lzma.open),
}
SUFFIXES = (*ZIP, *TAR, *COMPRESSED_TAR)
UNREAD = (".tar.zst", ".tzst", ".rar", ".7z")
MOST_FILES = 1_000_000
FREE_SIZE = 2**30  # an archive may always unpack to this size,
MOST_TIMES = 200  # or to so many times its own size: images hardly shrink, so more is an archive made to fill the disk
_MOST_AT_ONCE = 2**26  # bytes of one read; names in a tar file would otherwise be read whole, whatever their size
LINKS = "links and special files in the archive"
DOUBLES = "earlier versions of a file that the archive holds twice"


@dataclass(frozen=True)
class UnpackedArchive:
    """The content of an archive as files, and the members that are not among them."""

    root: Path
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class _Member:
    """A file in an archive; `content` is a readable stream, or None for what is not a regular file."""

    name: str
    size: int
    content: Any


@dataclass
class _Unpacking:
    """Progress of unpacking."""

    archive: Path
    folder: Path
    limit: int
    size: int = 0
    names: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    doubles: list[str] = field(default_factory=list)


def is_packed(path: Path) -> bool:
    """Whether a path has the ending of an archive of files, in any case: .zip, .tar, .tgz, .tar.gz and so on."""
    return path.name.lower().endswith((*SUFFIXES, *UNREAD))


def unpack(path: Path) -> UnpackedArchive:
    """Unpack an archive, and warn where to. Links are not followed, and files that systems write are passed over.

    Where all files are in one folder that holds folders, and that is not a split, `root` is that folder.

    Raises:
        DataError: missing, damaged, encrypted or unknown archive, a path that leads out of it, or content that is
            larger than the disk or than images can be.
    """
    if not path.is_file():
        raise DataError("no such file", where=path, remedy="check the path.")
    if path.name.lower().endswith(UNREAD):
        raise DataError(
            "archives of this kind are not read", where=path, remedy="unpack it, or write it as .zip or .tar."
        )
    folder = _temporary_folder()
    free = shutil.disk_usage(folder).free
    state = _Unpacking(path, folder, min(max(FREE_SIZE, MOST_TIMES * path.stat().st_size), free))
    errors = (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        tarfile.TarError,
        zipfile.BadZipFile,
        lzma.LZMAError,
        zlib.error,
    )
    try:
        with ExitStack() as stack:
            for member in _members(path, stack):
                _unpack_member(member, state)
    except errors as error:
        raise DataError(
            f"the archive cannot be read ({error})",
            where=path,
            remedy="write it again without encryption, or unpack it.",
        ) from error
    warnings.warn(
        f"{path}: {len(state.names)} files ({state.size / 1e6:.1f} MB) unpacked into {folder} until the command ends; "
        "name an unpacked folder to save that time",
        HandfulWarning,
        stacklevel=3,
    )
    items = (
        LeftOut(LINKS, tuple(state.links), "write the archive with the files that they point to"),
        LeftOut(DOUBLES, tuple(state.doubles), "the last one counts; write the archive again to be rid of them"),
    )
    return UnpackedArchive(_only_folder(folder), tuple(item for item in items if item.paths))


def _members(path: Path, stack: ExitStack) -> Iterator[_Member]:
    name = path.name.lower()
    if name.endswith(ZIP):
        archive = stack.enter_context(zipfile.ZipFile(path))
        for info in archive.infolist():
            is_link = (info.external_attr >> 28) == 0o12  # the kind of file, as Unix stores it
            if not info.is_dir():
                content = None if is_link else archive.open(info)
                yield _Member(info.filename.replace("\\", "/"), info.file_size, content)
        return
    opener = next((o for ending, o in COMPRESSED_TAR.items() if name.endswith(ending)), None)
    file: Any = stack.enter_context(path.open("rb"))
    if opener is not None:
        file = stack.enter_context(opener(file))
    reads: Any = _BoundedReads(file)
    tar = stack.enter_context(tarfile.open(fileobj=reads, mode="r:"))  # noqa: SIM115  the stack closes it
    while (member := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined]  # otherwise it keeps all members in memory
        if not member.isdir():
            yield _Member(member.name, member.size, tar.extractfile(member) if member.isreg() else None)


class _BoundedReads:
    """A file of which no large piece is read at once."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MOST_AT_ONCE:
            raise ValueError("a header is too large")
        content: bytes = self.file.read(size)
        return content


def _unpack_member(member: _Member, state: _Unpacking) -> None:
    path = PurePosixPath(member.name)
    if not path.parts or path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", member.name):
        raise DataError(
            f"the member {as_id(member.name)} leads out of the archive",
            where=state.archive,
            remedy="do not trust this archive; unpack it by other means if you know what it holds.",
        )
    if any(is_system_name(part) for part in path.parts):
        return
    if member.content is None:
        state.links.append(as_id(member.name))
        return
    if str(path) in state.names:
        state.doubles.append(as_id(member.name))
    state.names.add(str(path))
    state.size += member.size
    if state.size > state.limit or len(state.names) > MOST_FILES:
        raise DataError(
            f"it unpacks to more than {state.limit / 1e9:.1f} GB or {MOST_FILES:,} files",
            where=state.archive,
            remedy="unpack it onto a disk with enough space if you trust it, and name the folder.",
        )
    target = state.folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with member.content as content, target.open("wb") as file:
        left = member.size
        while left > 0 and (block := content.read(min(left, 2**20))):
            file.write(block)
            left -= len(block)
    if left:
        raise EOFError(f"{as_id(member.name)} is cut off")


def _only_folder(folder: Path) -> Path:
    tree = FileTree(folder)
    while True:
        folders = tree.folders(folder)
        if len(folders) != 1 or split_of(folders[0].name) is not None or not tree.folders(folders[0]):
            return folder
        if any(next(tree.images(f, documents=False), None) is not None for f in (folder, folders[0])):
            return folder
        (folder,) = folders


def _temporary_folder() -> Path:
    folder, process = Path(tempfile.mkdtemp(prefix="handful-")), os.getpid()

    def remove() -> None:
        if os.getpid() == process:  # a forked process leaves it to its parent
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder

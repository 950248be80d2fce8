"""The image files below a folder, with a record of every file that is passed over."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from handful.core.file_names import as_id, is_system_name
from handful.core.left_out import LeftOut
from handful.data.formats import identify
from handful.data.left_out import merged
from handful.errors import DataError

BROKEN_LINKS = "links whose target is missing"
LOOPS = "links to a folder that holds them"
ANNOTATIONS = "annotation files"
OTHER = "files that are not images"
TEXTS = "text files"
ARCHIVES = "archives within the folder"
SPECIAL = "files that cannot be read"
REMEDIES = {
    BROKEN_LINKS: "restore what they point to (mount its disk, or fetch it with git-annex or DVC), or remove them",
    LOOPS: "remove them",
    ANNOTATIONS: "name them as the masks if they are to be used",
    OTHER: "convert them if they are pictures, or move them elsewhere",
    TEXTS: "nothing is to be done if they are notes",
    ARCHIVES: "unpack them, or name one of them as the data",
    SPECIAL: "replace them by image files, or remove them",
}
_ARCHIVE_ENDINGS = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".rar", ".7z", ".tbz2", ".txz")
_DOCUMENTS = frozenset(
    (
        ".txt",
        ".md",
        ".rst",
        ".csv",
        ".tsv",
        ".parquet",
        ".html",
        ".pdf",
        ".yaml",
        ".yml",
        ".toml",
        ".py",
        ".ipynb",
        ".log",
    )
)
_TEXTS = frozenset((".txt", ".md", ".rst", ".log"))
_DESCRIPTION = re.compile(r"(readme|licen[sc]e|copying|citation|change|authors|class|label)", re.IGNORECASE)
_MOST_LINKS = 8  # linked folders on one path; links among folders could otherwise multiply without an end


class FileTree:
    """Lists the folders and images below a root; what is neither is recorded, apart from hidden and system files.

    Linked folders are followed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._left_out: list[LeftOut] = []

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The files that were listed and are not images."""
        return merged(self._left_out)

    def below(self, folder: Path) -> tuple[LeftOut, ...]:
        """As `left_out`, those below a folder."""
        start = f"{self.id(folder)}/"
        inside = ((item, tuple(p for p in item.paths if p.startswith(start))) for item in self.left_out)
        return tuple(LeftOut(item.kind, paths, item.remedy) for item, paths in inside if paths)

    def id(self, path: Path) -> str:
        """The path below the root, as an id."""
        return as_id(path.relative_to(self.root).as_posix())

    def folders(self, folder: Path) -> list[Path]:
        """The folders directly in a folder, linked ones included, in order.

        Raises:
            DataError: the folder cannot be listed.
        """
        return [folder / entry.name for entry in _entries(folder) if entry.is_dir()]

    def images(self, folder: Path, *, documents: bool = True) -> Iterator[Path]:
        """The images directly in a folder, in order.

        Args:
            folder: the folder.
            documents: record tables and descriptions, too: a data set's own description is not among its images.

        Raises:
            DataError: the folder cannot be listed.
        """
        for entry in _entries(folder):
            if not entry.is_dir() and self._is_image(entry, folder / entry.name, documents=documents):
                yield folder / entry.name

    def images_below(self, folder: Path) -> Iterator[Path]:
        """All images below a folder, in the order of their paths.

        Raises:
            DataError: a folder cannot be listed.
        """
        yield from self._walk(folder, (_identity(folder),), 0)

    def _walk(self, folder: Path, ancestors: tuple[tuple[int, int], ...], links: int) -> Iterator[Path]:
        for entry in _entries(folder):
            path = folder / entry.name
            if not entry.is_dir():
                if self._is_image(entry, path, documents=True):
                    yield path
                continue
            identity, depth = _identity(path), links + entry.is_symlink()
            if identity in ancestors or depth > _MOST_LINKS:
                self._record(LOOPS, path)
            else:
                yield from self._walk(path, (*ancestors, identity), depth)

    def _is_image(self, entry: os.DirEntry[str], path: Path, *, documents: bool) -> bool:
        if not entry.is_file():
            self._record(BROKEN_LINKS if entry.is_symlink() else SPECIAL, path)
            return False
        suffix = path.suffix.lower()
        if suffix in _DOCUMENTS and not documents:
            if suffix in _TEXTS and not _DESCRIPTION.match(path.name):
                self._record(TEXTS, path)
            return False
        file = identify(path)
        if file is not None and file.readable:
            return True
        if file is not None:
            self._record(f"{file.kind} files", path, file.remedy)
        elif suffix in (".json", ".xml"):
            self._record(ANNOTATIONS, path)
        elif suffix in _ARCHIVE_ENDINGS:
            self._record(ARCHIVES, path)
        elif documents or suffix:
            self._record(OTHER, path)
        return False

    def _record(self, kind: str, path: Path, remedy: str | None = None) -> None:
        self._left_out.append(LeftOut(kind, (self.id(path),), REMEDIES[kind] if remedy is None else remedy))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """The visible entries of a folder, in order."""
    try:
        with os.scandir(folder) as entries:  # tells files from folders without a system call for each
            return sorted((e for e in entries if not is_system_name(e.name)), key=lambda e: e.name)
    except OSError as error:
        raise DataError(
            f"the folder cannot be opened ({error.strerror})", where=folder, remedy="check its permissions."
        ) from error


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino

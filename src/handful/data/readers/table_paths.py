"""Files that the rows of a table name: inside the table's folder, and found where another system spells them."""

import difflib
import os
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePath

from handful.core.file_names import from_unicode, is_system_name
from handful.data.class_names import nfc
from handful.data.formats import ALL_SUFFIXES
from handful.data.readers.table_faults import MissingFileError
from handful.errors import DataError, HandfulWarning, option

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
DEEPEST = 2  # levels below the table's folder on which images without a folder in their path are looked for
MOST_LISTED = 200_000  # files there


class TablePaths:
    """Finds the files that the rows of one table name; each folder is listed once.

    A path is tried as it is written, without the blanks around it, and with slashes in place of the backslashes of
    Windows. Then each of its names matches the one file or folder that is the same text in another Unicode form, and
    its last name also the one image file that only adds an ending ("img/001" is img/001.jpg). An image whose path names
    no folder is then looked for one level below, and then two, by its name with or without the ending ("001" is
    img/001.jpg), and must be on that level once.

    Args:
        folder: the table's folder.
        allow_outside: allow files outside of it.
        search_below: look for images below the table's folder too.
    """

    def __init__(self, folder: Path, *, allow_outside: bool, search_below: bool = False) -> None:
        self.folder, self.allow_outside, self.search_below = folder, allow_outside, search_below
        self._listings: dict[Path, list[str]] = {}
        self._below: dict[str, str] = {}
        self._suggested = False

    def find(self, name: str, where: str, kind: str = "image") -> Path:
        """The file that `name` means.

        Raises:
            DataError: there is none, or several; or as `named_file`.
        """
        for spelling in dict.fromkeys((name, name.strip(), from_unicode(name), portable(name))):
            if not spelling:
                continue
            file = self._inside(spelling, where, kind)
            if _is_file(file):
                return file
        spelling = portable(name)
        matches = self._matches(self._inside(spelling, where, kind, follow=False))
        if len(matches) == 1:
            return self._inside(str(matches[0]), where, kind)
        if matches:
            names = ", ".join(match.name for match in matches[:3])
            raise DataError(
                f"the {kind} path {spelling} fits several files ({names})", where=where, remedy="write its ending too."
            )
        if self.search_below and kind == "image" and "/" not in spelling:
            below = _shallowest(self._files_below.get(nfc(spelling), []))
            if len(below) == 1:
                self._below[spelling] = below[0]
                return self._inside(below[0], where, kind)
            if below:
                what = f"the image path {spelling} names no folder, and fits several files ({', '.join(below[:3])})"
                raise DataError(what, where=where, remedy=f"write its folder too, such as {below[0]}.")
        raise self._absent(spelling, where, kind)

    def warn_below(self, table: Path) -> None:
        """Say how many images were found below the folder that their paths name."""
        if self._below:
            name, file = next(iter(self._below.items()))
            number = len(self._below)
            paths = "1 path names" if number == 1 else f"{number:,} paths name"
            text = f"{table}: {paths} no folder; images below the table's folder are read: {name} is {file}"
            warnings.warn(text, HandfulWarning, stacklevel=3)

    @cached_property
    def _files_below(self) -> dict[str, list[str]]:
        """Paths of the image files below the table's folder, by name and by name without ending."""
        files: dict[str, list[str]] = defaultdict(list)
        for i, path in enumerate(self._walk(self.folder, "", DEEPEST)):
            if i == MOST_LISTED:
                break
            name = path.rpartition("/")[2]
            for key in {nfc(name), nfc(os.path.splitext(name)[0])}:  # noqa: PTH122  names, not paths
                files[key].append(path)
        return dict(files)

    def _walk(self, folder: Path, below: str, depth: int) -> Iterator[str]:
        """Paths of image files in the folders of a folder, relative to the table's."""
        for name in self._listing(folder):
            if is_system_name(name):
                continue
            if depth and (folder / name).is_dir():
                yield from self._walk(folder / name, f"{below}{name}/", depth - 1)
            elif below and name.lower().endswith(tuple(ALL_SUFFIXES)):
                yield below + name

    def spelling(self, name: str) -> str:
        """The name of a file as `find` understands it: as written where a file is called so, else with slashes."""
        return next((s for s in (name, name.strip()) if s and _is_file(self.folder / from_unicode(s))), portable(name))

    def _inside(self, name: str, where: str, kind: str, *, follow: bool = True) -> Path:
        resolved = named_file(self.folder, name, where, allow_outside=self.allow_outside, kind=kind)
        return resolved if follow else Path(os.path.normpath(self.folder.absolute() / name))

    def _matches(self, path: Path) -> list[Path]:
        """Existing files whose path is `path` in another Unicode form, or with an ending of images."""
        parents = [Path(path.anchor)]
        for part in path.parts[1:-1]:
            parents = [
                parent / entry
                for parent in parents
                for entry in ([part] if _exists(parent / part) else self._listing(parent))
                if nfc(entry) == nfc(part)
            ]
        return [
            parent / entry
            for parent in parents
            for entry in self._listing(parent)
            if (nfc(entry) == nfc(path.name) or _adds_an_ending(entry, path.name)) and _is_file(parent / entry)
        ]

    def _listing(self, folder: Path) -> list[str]:
        if folder not in self._listings:
            try:
                self._listings[folder] = sorted(os.listdir(folder))  # noqa: PTH208  names alone
            except OSError:
                self._listings[folder] = []
        return self._listings[folder]

    def _absent(self, name: str, where: str, kind: str) -> DataError:
        file = self.folder / name
        if _exists(file) and file.is_dir():
            remedy = f"name the {kind} in it; to read a whole folder, give the folder in place of the table."
            return DataError(f"the {kind} path {name} is a folder", where=where, remedy=remedy)
        near = "" if self._suggested else self._suggest(name)
        self._suggested = True  # comparing all names takes long, and one shows what is wrong
        backslash = " (each backslash was also tried as a slash)" if "\\" in name else ""
        remedy = f"paths are relative to the table's own folder.{near}"
        return MissingFileError(f"no such {kind}: {name}{backslash}", where=where, remedy=remedy)

    def _suggest(self, name: str) -> str:
        """The file of the same folder whose name is alike, as a question."""
        file = self.folder / name
        by_lower = {entry.lower(): entry for entry in self._listing(file.parent.absolute())}
        close = difflib.get_close_matches(file.name.lower(), by_lower, n=1, cutoff=0.8)
        return f" did you mean {(PurePath(name).parent / by_lower[close[0]]).as_posix()}?" if close else ""


def portable(name: str) -> str:
    """A path without the blanks around it, with slashes for the backslashes of Windows."""
    return name.strip().replace("\\", "/")


def named_file(folder: Path, name: str, where: str, *, allow_outside: bool, kind: str = "image") -> Path:
    """The path of the file that a row of a table names; it need not exist.

    Raises:
        DataError: the name is empty, has a NUL in it, is an address or an absolute path of Windows, or is outside the
            table's folder without `allow_outside`.
    """
    if not name.strip():
        raise DataError(f"the {kind} path is empty", where=where, remedy="fill it in, or remove the row.")
    if "\0" in name:
        what = f"the {kind} path {name!r} has a NUL character in it"
        raise DataError(what, where=where, remedy="correct the row; the table may be damaged.")
    if _ADDRESS.match(name):
        what = f"the {kind} path {name} is an address"
        raise DataError(what, where=where, remedy="download the file, and name it by its path relative to the table.")
    if os.name != "nt" and _WINDOWS.match(name):
        what = f"the {kind} path {name} is an absolute path of Windows"
        raise DataError(what, where=where, remedy="write paths relative to the table's own folder.")
    try:
        file = (folder / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle
        what = f"the {kind} path {name[:80]} is not a path ({error})"
        raise DataError(what, where=where, remedy="correct the row.") from error
    if not allow_outside and not file.is_relative_to(folder.resolve()):
        raise DataError(
            f"the {kind} path {name} leads out of the table's folder",
            where=where,
            remedy=f"move the file below the table, or pass {option('allow_outside')} if you trust the table.",
        )
    return file


def _shallowest(paths: list[str]) -> list[str]:
    """The paths with the fewest folders."""
    fewest = min((path.count("/") for path in paths), default=0)
    return [path for path in paths if path.count("/") == fewest]


def _is_file(path: Path) -> bool:
    return _exists(path) and path.is_file()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long
        return False


def _adds_an_ending(entry: str, name: str) -> bool:
    stem, suffix = os.path.splitext(entry)  # noqa: PTH122  names, not paths
    return suffix.lower() in ALL_SUFFIXES and nfc(stem) == nfc(name)

"""Output files and folders: overwrite checks, atomic writes, safe paths and file locks."""

import errno
import os
import re
import shutil
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from handful.errors import DataError, HandfulWarning, OutputError, offers, option

CLUTTER = re.compile(
    r"\.DS_Store|\._.*|Icon\r|(eh)?thumbs(_vista)?\.db|desktop\.ini|\.directory|\.nfs.*|\..*\.lock", re.IGNORECASE
)


def is_clutter(entry: Path) -> bool:
    """Whether an entry is what file managers and file systems leave in any folder, or a lock of ours."""
    return entry.name == "@eaDir" if entry.is_dir() else CLUTTER.fullmatch(entry.name) is not None


def refuse_existing(
    path: Path, *, ours: Collection[str] | Callable[[Path], bool] | None = None, overwrite: bool | None = False
) -> None:
    """Refuse an output that exists. Call it before any work is done; nothing is removed here.

    Args:
        path: of the output: a file, or a folder if `ours` is given. An empty folder counts as none.
        ours: the entries that may be in the folder, as names or as a predicate: a folder with any other entry is
            never overwritten.
        overwrite: whether the user agreed to replace it; None: this output never replaces another.

    Raises:
        OutputError: the path is taken.
    """
    if ours is None:
        if path.is_dir():
            raise OutputError("this is a folder", where=path, remedy="name a file.")
        if path.exists() and not overwrite:
            raise existing(path, can_overwrite=overwrite is not None)
        return
    refuse_foreign(path, ours=ours)
    if path.exists() and not all(map(is_clutter, path.iterdir())) and not overwrite:
        raise existing(path, can_overwrite=overwrite is not None)


def refuse_foreign(folder: Path, *, ours: Collection[str] | Callable[[Path], bool]) -> None:
    """Refuse a folder with entries that handful did not write: such a folder is never overwritten.

    What file managers leave in any folder, such as `.DS_Store`, is no reason: it goes with the old folder.

    Args:
        folder: it need not exist.
        ours: as for `refuse_existing`.

    Raises:
        OutputError: names the first such entry; or the path is not a folder.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputError("this is a file", where=folder, remedy="name a folder.")
    if not callable(ours):
        names = {*ours, *(f".{name}.part" for name in ours)}  # a process that died left a draft
        ours = lambda entry: entry.name in names  # noqa: E731
    for entry in sorted(folder.iterdir()):
        if not (is_clutter(entry) or ours(entry)):
            raise OutputError(
                f"this folder holds other files ({entry.name})", where=folder, remedy="choose another folder."
            )


def existing(path: Path, *, differs: Sequence[str] = (), can_overwrite: bool = True) -> OutputError:
    """The error for an output that exists.

    Args:
        path: the output.
        differs: settings in which the run that wrote it differs from this one, which could else continue it.
        can_overwrite: whether to overwrite it is a remedy.
    """
    other = f", from a run that differs in: {', '.join(differs)}" if differs else ""
    same = "repeat that run's command to continue it, " if differs else ""
    return OutputError(
        f"this already exists{other}",
        where=path,
        remedy=f"{same}choose another path, or pass {option('overwrite')}."
        if can_overwrite and offers("overwrite")
        else "choose another path.",
    )


@contextmanager
def write_atomically(path: Path, *, draft: Path | None = None) -> Iterator[Path]:
    """Write a file whole or not at all: yields the path of a draft, which becomes `path` if the block succeeds.

    A process that dies, or a full disk, leaves the old file as it was. When the block has ended, the new file
    survives a loss of power. The parent folder is made.

    Args:
        path: the file to write or to replace.
        draft: a path in the same folder; by default `.<name>.part`. Processes that may write the same file at the
            same time need drafts of their own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part") if draft is None else draft
    draft.unlink(missing_ok=True)
    try:
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Write a folder whole or not at all: yields an empty draft folder, which becomes `folder` if the block succeeds.

    An error, or a process that dies in the block, leaves the old folder as it was. Its files are not synced to
    disk one by one: there may be many thousands.
    """
    draft, old = (folder.with_name(f".{folder.name}.{suffix}") for suffix in ("part", "old"))
    for left_over in (draft, old) if folder.exists() else (draft,):
        shutil.rmtree(left_over, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield draft
        if folder.exists():
            folder.rename(old)
        draft.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Sync a folder's entries to disk, on systems that can, so that renames survive a loss of power."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def safe_path(folder: Path, name: str) -> Path:
    """The path of `name` below `folder`, also where `name` is the id of a sample from a foreign table.

    The file need not exist. Links in `folder` itself are followed; links below it, only as far as they stay below it.

    Raises:
        DataError: it leads out of the folder, by `..`, as an absolute path or by a symbolic link.
    """
    plain = PurePosixPath(name.replace("\\", "/"))
    path = folder / plain
    unsafe = plain.is_absolute() or ".." in plain.parts or "\0" in name or not plain.parts
    if unsafe or not path.resolve().is_relative_to(folder.resolve()):
        raise DataError("this path leads out of its folder", where=name, remedy="use a path below it, without '..'.")
    return path


@contextmanager
def lock_output(path: Path, *, lock: Path | None = None) -> Iterator[None]:
    """Refuse other processes that start to write the same output, until the block ends.

    The lock ends with the process, also one that is killed: a lock file that was left behind blocks nothing.

    Args:
        path: the output, a file or a folder; its parent folder is made.
        lock: the lock file, which is not deleted; by default `.<name>.lock` beside the output, until the block ends.

    Raises:
        OutputError: another process is writing it.
    """
    path = path.resolve()
    name = path.with_name(f".{path.name or 'root'}.lock") if lock is None else lock
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _open_locked(name, path)
    try:
        yield
    finally:
        if descriptor is not None:
            if lock is None:
                with suppress(OSError):
                    name.unlink()
            os.close(descriptor)


def _open_locked(name: Path, output: Path) -> int | None:
    """A descriptor of the lock file, locked; None where such a file cannot be made."""
    while True:
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            _warn_of_no_locks()
            return None
        if not try_lock(descriptor):
            os.close(descriptor)
            kind = "file" if output.is_file() or output.suffix else "folder"
            raise OutputError(
                f"another process is writing to this {kind}",
                where=output,
                remedy=f"wait for it, or choose another {kind}.",
            )
        try:
            if name.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)  # who had the lock has deleted the file in between


def try_lock(descriptor: int) -> bool:
    """Lock an open file for this process, until it ends or closes the file; False: another process holds the lock.

    On a file system without locks nothing is locked, which a `HandfulWarning` says.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        _warn_of_no_locks()
    return True


def _warn_of_no_locks() -> None:
    text = "no lock could be set on the output: let no other process write to it at the same time."
    warnings.warn(text, HandfulWarning, stacklevel=4)

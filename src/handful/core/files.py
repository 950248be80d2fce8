"""Files that survive a loss of power, and folders that one process at a time writes to."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make new, renamed and deleted names in a folder durable, where the system can."""
    if os.name != "posix":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def settle(draft: Path, path: Path) -> None:
    """Put a finished draft in its place: `path` is the old file or the whole new one, whatever happens meanwhile."""
    with draft.open("rb+") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def lock(number: int) -> bool:
    """Take an open file (its descriptor) for this process, until it ends or closes the file; False: another has it."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

"""Paths that may not lead out of their folder, by `..` or by a symbolic link."""

from pathlib import Path, PurePosixPath

from handful.errors import DataError


def inside(folder: Path, name: str) -> Path:
    """The path of `name` below `folder`, whose own links are followed only as far as they stay below it.

    The file itself need not exist.

    Args:
        folder: an absolute folder, itself without symbolic links (`Path.resolve`).
        name: a relative path.

    Raises:
        DataError: it leads out.
    """
    plain = PurePosixPath(name.replace("\\", "/"))
    path = folder / plain
    out = plain.is_absolute() or ".." in plain.parts or "\0" in name or not plain.parts
    if out or not path.resolve().is_relative_to(folder):
        raise DataError("this path leads out of its folder", where=name, remedy=f"keep files below {folder}.")
    return path

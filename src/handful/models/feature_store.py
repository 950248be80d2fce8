"""Feature store: vectors on disk by digest, in files that are written atomically and never changed.

A file is a table of (digest, vector) and is named by the hash of its content: one that was damaged does not bear its
name, and is deleted. Processes need no lock, since each writes files of its own and moves them into place.
"""

import hashlib
import os
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32

from handful.errors import HandfulWarning

VARIABLE = "HANDFUL_CACHE"
OFF = ("", "0", "off", "none")
LIMIT = 4 * 2**30  # bytes of all features; beyond it the oldest files go
MOST_FILES = 64  # of one extractor; then they are joined into one
SUFFIX = ".npy"

Table = npt.NDArray[Any]  # of (digest, vector)


def cache_folder() -> Path | None:
    """The cache: the folder in HANDFUL_CACHE, or `handful` in the user's cache; None: switched off.

    Deleting the folder empties the cache: features, and the browser runtime of exported pages. HANDFUL_CACHE=off (or 0,
    none, empty) switches it off.
    """
    setting = os.environ.get(VARIABLE)
    if setting is not None and setting.strip().lower() in OFF:
        return None
    home = os.environ.get("XDG_CACHE_HOME", "")
    try:
        if setting is not None:
            return Path(setting).expanduser()
        return (Path(home) if Path(home).is_absolute() else Path.home() / ".cache") / "handful"
    except RuntimeError:  # a user without a home directory, as in some containers
        _warn_of_no_home()
        return None


@cache
def _warn_of_no_home() -> None:
    """Say once in a process that nothing is cached."""
    text = f"there is no home directory, so features are not cached: set {VARIABLE} to a folder, or to off."
    warnings.warn(text, HandfulWarning, stacklevel=4)


class FeatureStore:
    """The vectors of one extractor, in `folder`, all of one length. A folder that cannot be used is as an empty one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tables: dict[str, Table] = {}
        self._rows: dict[bytes, tuple[str, int]] = {}

    def get(self, digests: Sequence[bytes]) -> list[Float32[np.ndarray, " c"] | None]:
        """The vector of each digest; None where there is none."""
        if any(digest not in self._rows for digest in digests):
            self._read()
        places = [self._rows.get(digest) for digest in digests]
        return [None if place is None else self._tables[place[0]]["vector"][place[1]] for place in places]

    def add(self, digests: Sequence[bytes], vectors: Float32[np.ndarray, "m c"]) -> None:
        """Store a vector for each digest; where the disk is full or read-only, nothing is stored or raised."""
        table = np.empty(len(digests), _layout(vectors.shape[1]))
        table["digest"] = np.array(digests, dtype="V16")
        table["vector"] = vectors
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(table)
            if len(self._tables) > MOST_FILES:
                self._join()
            shrink(self.folder.parent)

    def _read(self) -> None:
        """Take in the files that are new; forget those that are gone."""
        try:
            names = {entry.name for entry in os.scandir(self.folder) if entry.name.endswith(SUFFIX)}
        except OSError:
            names = set()
        for name in names - self._tables.keys():
            with suppress(OSError):
                self._take(name)
        if self._tables.keys() - names:
            self._tables = {name: self._tables[name] for name in self._tables if name in names}
            self._rows = {digest: place for digest, place in self._rows.items() if place[0] in names}

    def _take(self, name: str) -> None:
        path = self.folder / name
        try:
            table = np.load(path, mmap_mode="r", allow_pickle=False)
            whole = table.dtype.names == ("digest", "vector") and path.stem == _hash(table)
        except (ValueError, EOFError):
            whole = False
        if not whole:
            path.unlink(missing_ok=True)
            return
        self._tables[name] = table
        self._rows.update((digest, (name, i)) for i, digest in enumerate(_digests(table)))

    def _write(self, table: Table) -> str:
        name = _hash(table) + SUFFIX
        number, draft = tempfile.mkstemp(prefix=".", suffix=".part", dir=self.folder)
        try:
            with os.fdopen(number, "wb") as file:
                np.save(file, table, allow_pickle=False)
            Path(draft).replace(self.folder / name)
        finally:
            Path(draft).unlink(missing_ok=True)
        self._take(name)
        return name

    def _join(self) -> None:
        """One file for all; another process that has the old ones open goes on reading them."""
        self._read()
        rows = np.concatenate([self._tables[name] for name in sorted(self._tables)])
        once = {digest: i for i, digest in enumerate(_digests(rows))}
        old = set(self._tables)
        joined = self._write(rows[list(once.values())])
        for name in old - {joined}:
            (self.folder / name).unlink(missing_ok=True)
        self._read()


def shrink(folder: Path, *, limit: int = LIMIT) -> None:
    """Delete the oldest files below a folder until they take at most nine tenths of `limit`, where they take more."""
    files = [(path, path.stat()) for path in folder.glob(f"*/*{SUFFIX}")]
    size = sum(status.st_size for _, status in files)
    if size <= limit:
        return
    for path, status in sorted(files, key=lambda pair: pair[1].st_mtime):
        path.unlink(missing_ok=True)
        size -= status.st_size
        if size <= 0.9 * limit:
            return


def _layout(length: int) -> np.dtype[Any]:
    return np.dtype([("digest", "V16"), ("vector", "<f4", (length,))])


def _hash(table: Table) -> str:
    content = hashlib.blake2b(repr(table.dtype.descr).encode(), digest_size=16)
    content.update(np.ascontiguousarray(table).view(np.uint8).data)
    return content.hexdigest()


def _digests(table: Table) -> list[bytes]:
    flat = np.ascontiguousarray(table["digest"]).tobytes()
    return [flat[i : i + 16] for i in range(0, len(flat), 16)]

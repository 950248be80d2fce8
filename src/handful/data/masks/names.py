"""Matching of image names in annotation files to sample ids."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import PurePosixPath

from handful.data.formats import ALL_SUFFIXES
from handful.errors import DataError

IMAGE_SUFFIXES = ALL_SUFFIXES
UPLOAD = re.compile(r"^[0-9a-f]{8}-(?=.)")  # Label Studio's prefix of uploaded files
MARKS = "masks?|seg|segm|segmentations?|segmented|gt|ground[ _-]?truth|labels?|annotations?|roi"  # of masks, in names
ENDING = re.compile(rf"(?<=.)[ ._-](?:{MARKS})$", re.IGNORECASE)


def stem(name: str) -> str:
    """A path without its image extension: "cat/001.jpg" is "cat/001", "cat/v1.2" stays."""
    head, dot, suffix = name.rpartition(".")
    return head if dot and f".{suffix.lower()}" in IMAGE_SUFFIXES else name


def composed(name: str) -> str:
    """A name in one Unicode form: some systems write an accent as a character of its own."""
    return unicodedata.normalize("NFC", name)


def stem_of(name: str) -> str:
    """A path without its image extension, in one Unicode form."""
    return composed(stem(name))


def folded(name: str) -> str:
    """A path without its image extension and differences of case."""
    return stem_of(name).casefold()


def without_prefix(name: str) -> str:
    """A path without extension, differences of case, and the prefix that Label Studio puts before uploads."""
    folder, slash, base = folded(name).rpartition("/")
    return f"{folder}{slash}{UPLOAD.sub('', base)}"


def without_ending(name: str) -> str:
    """The path of a mask file without what marks it as one: "cat/001_mask.png" is "cat/001"."""
    return ENDING.sub("", stem(name))


class Names:
    """Finds samples by their names in annotation files.

    A name matches the sample whose id it equals; otherwise the one whose path ends with it, or that it ends with, so
    that "001.jpg" and "data/images/cat/001.jpg" both match "cat/001.jpg" but "dog/001.jpg" does not. Names are
    compared with extension first, then without, for images that were converted, then without differences of case, and
    last without the prefix of an upload ("1a2b3c4d-001.jpg"). Several equally good matches are an error.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self.names = list(ids)
        self.ids = {name: i for i, name in reversed(list(enumerate(composed(name) for name in ids)))}
        self.ids |= {name: i for i, name in enumerate(ids)}
        self.tables = [(key, self._table(ids, key)) for key in (composed, stem_of, folded, without_prefix)]

    def _table(self, ids: Sequence[str], key: Callable[[str], str]) -> dict[str, list[tuple[tuple[str, ...], int]]]:
        table: dict[str, list[tuple[tuple[str, ...], int]]] = {}
        for i, name in enumerate(ids):
            parts = PurePosixPath(key(name)).parts
            table.setdefault(parts[-1] if parts else "", []).append((parts, i))
        return table

    def find(self, name: str, where: object) -> int | None:
        """Position of the sample that matches `name`; None if there is none.

        Raises:
            DataError: several match; names them.
        """
        name = name.replace("\\", "/")
        for exact in (name, composed(name)):
            if exact in self.ids:
                return self.ids[exact]
        for key, table in self.tables:
            parts = PurePosixPath(key(name)).parts
            matches = [(path, i) for path, i in table.get(parts[-1] if parts else "", []) if _same_end(path, parts)]
            longest = max((min(len(path), len(parts)) for path, _ in matches), default=0)
            best = [i for path, i in matches if min(len(path), len(parts)) == longest]
            if len(best) > 1:
                some = ", ".join(self.names[i] for i in best[:3])
                raise DataError(
                    f"the name {name!r} fits several images: {some}{', ...' if len(best) > 3 else ''}",
                    where=where,
                    remedy="put the folder into the name (cat/001.jpg), or give the images different names.",
                )
            if best:
                return best[0]
        return None

    def find_each(self, names: Sequence[tuple[str, ...]], wheres: Sequence[str]) -> list[int | None]:
        """As `find` for the alternative names of each image: the position for the first name that matches.

        If no image matches, the names are compared without the folder that all of them share: exports often put all
        images in a folder ("images/001.jpg") that the data set does not have.
        """
        positions = [self._first(alternatives, where) for alternatives, where in zip(names, wheres, strict=True)]
        if positions and all(i is None for i in positions):
            folders = [PurePosixPath(alternatives[0].replace("\\", "/")).parts[:-1] for alternatives in names]
            columns = zip(*folders, strict=False)
            shared = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
            inner = [
                "/".join(PurePosixPath(alternatives[0].replace("\\", "/")).parts[shared:]) for alternatives in names
            ]
            positions = [self.find(name, where) for name, where in zip(inner, wheres, strict=True)]
        return positions

    def _first(self, alternatives: tuple[str, ...], where: str) -> int | None:
        positions = (self.find(name, where) for name in alternatives)
        return next((position for position in positions if position is not None), None)


def _same_end(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    n = min(len(a), len(b))
    return n > 0 and a[-n:] == b[-n:]

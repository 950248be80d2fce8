"""Which image an annotation file means: names there against sample ids here."""

from collections.abc import Sequence
from itertools import takewhile
from pathlib import PurePosixPath

from handful.errors import DataError

IMAGE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".pgm", ".ppm", ".pbm")
)


def stem(name: str) -> str:
    """A path without its image extension: "cat/001.jpg" is "cat/001", "cat/v1.2" stays."""
    head, dot, suffix = name.rpartition(".")
    return head if dot and f".{suffix.lower()}" in IMAGE_SUFFIXES else name


class Names:
    """Find samples by the names annotation files give them.

    A name means the sample whose id it equals; else the one whose path ends with it, or that it ends with, so
    that "001.jpg" and "data/images/cat/001.jpg" both mean "cat/001.jpg" but "dog/001.jpg" does not. With
    extension first, then without, for images that were converted. Several samples that fit equally are an
    error.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = {name: i for i, name in enumerate(ids)}
        self.full: dict[str, list[tuple[tuple[str, ...], int]]] = {}
        self.bare: dict[str, list[tuple[tuple[str, ...], int]]] = {}
        for i, name in enumerate(ids):
            for table, key in ((self.full, name), (self.bare, stem(name))):
                parts = PurePosixPath(key).parts
                table.setdefault(parts[-1] if parts else "", []).append((parts, i))

    def find(self, name: str, where: object) -> int | None:
        """Position of the sample that `name` means; None when there is none.

        Raises:
            DataError: several fit; names them.
        """
        name = name.replace("\\", "/")
        if name in self.ids:
            return self.ids[name]
        for table, key in ((self.full, name), (self.bare, stem(name))):
            parts = PurePosixPath(key).parts
            fits = [(own, i) for own, i in table.get(parts[-1] if parts else "", []) if _ends_alike(own, parts)]
            longest = max((min(len(own), len(parts)) for own, _ in fits), default=0)
            best = [i for own, i in fits if min(len(own), len(parts)) == longest]
            if len(best) > 1:
                ids = list(self.ids)
                some = ", ".join(ids[i] for i in best[:3])
                raise DataError(
                    f"the name {name!r} fits several images: {some}{', ...' if len(best) > 3 else ''}",
                    where=where,
                    remedy="put the folder into the name (cat/001.jpg), or give the images different names.",
                )
            if best:
                return best[0]
        return None

    def find_each(self, names: Sequence[tuple[str, ...]], wheres: Sequence[str]) -> list[int | None]:
        """As `find` for each image's names, the first that fits; when none at all does, without the folder they share.

        Exports often put all images in a folder of their own ("images/001.jpg") that the data set does not have.
        """
        found = [self._first(several, where) for several, where in zip(names, wheres, strict=True)]
        if found and all(i is None for i in found):
            folders = [PurePosixPath(several[0].replace("\\", "/")).parts[:-1] for several in names]
            columns = zip(*folders, strict=False)
            shared = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
            inner = ["/".join(PurePosixPath(several[0].replace("\\", "/")).parts[shared:]) for several in names]
            found = [self.find(name, where) for name, where in zip(inner, wheres, strict=True)]
        return found

    def _first(self, several: tuple[str, ...], where: str) -> int | None:
        hits = (self.find(name, where) for name in several)
        return next((hit for hit in hits if hit is not None), None)


def _ends_alike(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    n = min(len(a), len(b))
    return n > 0 and a[-n:] == b[-n:]

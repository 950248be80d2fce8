"""What data can be read from: paths, and names of public data sets. A wrong one is refused before anything is loaded.

This module imports neither NumPy nor PyTorch, so that a typing error in a path is answered at once.
"""

import re
from difflib import SequenceMatcher
from pathlib import Path

from handful.errors import DataError

EMBEDDED = ("mnist5k", "digits")
TORCHVISION = "torchvision:"
TORCHVISION_NAMES = (
    "CIFAR10",
    "CIFAR100",
    "DTD",
    "EuroSAT",
    "FGVCAircraft",
    "FashionMNIST",
    "Flowers102",
    "Food101",
    "KMNIST",
    "MNIST",
    "STL10",
    "SUN397",
    "SVHN",
    "StanfordCars",
    "USPS",
)
NAMES = (*EMBEDDED, *(TORCHVISION + name for name in TORCHVISION_NAMES))
MOST_USED = (*EMBEDDED, *(TORCHVISION + name for name in ("MNIST", "FashionMNIST", "CIFAR10", "SVHN")))
ALL_NAMES = "docs/guide/your-own-data.md"
LIKE, LIKE_NAME = 0.7, 0.8  # similarity to what was typed from which on a path, or a public data set, is suggested
IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp")
MOST_LISTED = 5000  # entries of a folder that are compared
MOST_SUGGESTED = 3


def is_pattern(source: str) -> bool:
    """Whether a text is a pattern such as photos/*.jpg, rather than an existing path."""
    return re.search(r"[*?\[{]", source) is not None and not Path(source).exists()


def refuse_missing(source: str | Path, *, to_predict: bool = False) -> None:
    """Refuse a source that is neither at a path nor a name of a public data set, with what lies there and is alike.

    Args:
        source: a path or a name.
        to_predict: new images are meant, so that public data sets are not offered.

    Raises:
        DataError: names the source.
    """
    if _exists(Path(source)) or (isinstance(source, str) and (source in EMBEDDED or source.startswith(TORCHVISION))):
        return
    names = [] if to_predict else _similar_names(str(source))
    similar = (*_similar(Path(source)), *names)[:MOST_SUGGESTED]
    if similar:
        remedy = f"did you mean {' or '.join(repr(name) for name in similar)}?"
    elif to_predict or len(Path(source).parts) > 1:
        remedy = "check the path."
    else:
        known = ", ".join(MOST_USED)
        remedy = f"check the path, or name a public data set: {known} ({ALL_NAMES} lists all)."
    raise DataError("no such file or folder", where=source, remedy=remedy)


def folder_above(folder: Path) -> Path | None:
    """The folder above, or the one above that, which holds several folders of images; None: neither does."""
    for above in folder.resolve().parents[:2]:
        try:
            folders = [entry for entry in above.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
            if sum(any(file.suffix.lower() in IMAGES for file in _files(entry)) for entry in folders[:20]) > 1:
                return above
        except OSError:
            return None
    return None


def _files(folder: Path) -> list[Path]:
    """The entries of a folder, or of the only folder in it."""
    entries = list(folder.iterdir())
    return list(entries[0].iterdir()) if len(entries) == 1 and entries[0].is_dir() else entries


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or holds a NUL: reading it says so
        return True


def _similar(path: Path) -> list[str]:
    """Paths with another last part, or another folder above it, that exist and whose name is alike."""
    missing: tuple[str, ...] = ()
    while path.name and not path.parent.is_dir():
        missing, path = (path.name, *missing), path.parent
    try:
        names = sorted(entry.name for entry, _ in zip(path.parent.iterdir(), range(MOST_LISTED), strict=False))
    except OSError:
        return []
    rated = sorted((-_likeness(path.name, name), name) for name in names if not name.startswith("."))
    found = [path.with_name(name).joinpath(*missing) for value, name in rated if -value >= LIKE]
    return [str(name) for name in found if name.exists()][:MOST_SUGGESTED]


def _similar_names(typed: str) -> list[str]:
    """Names of public data sets that are alike, with or without the word before them."""
    name = typed.rpartition(":")[2]
    rated = [(-_likeness(name, known.rpartition(":")[2]), known) for known in NAMES]
    return [known for value, known in sorted(rated) if -value >= LIKE_NAME]


def _likeness(typed: str, name: str) -> float:
    """Similarity of two names without case, 0 to 1; a name may go on after what was typed."""
    typed, name = typed.casefold(), name.casefold()
    return max(
        SequenceMatcher(None, typed, name).ratio(),
        SequenceMatcher(None, typed, name[: len(typed) + 1]).ratio() - 0.05,
    )

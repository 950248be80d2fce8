"""Names of splits as data sets spell them: train, Training, TRAIN_SET, valid, seg_test, test2017."""

import re
from collections.abc import Mapping
from typing import get_args

from handful.core.dataset import Split
from handful.errors import DataError, nearest

_SYNONYMS: Mapping[str, Split] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(
        ("val", "valid", "validation", "validate", "validating", "eval", "evaluation", "evaluate", "dev", "devel"),
        "val",
    ),
    "development": "val",
    **dict.fromkeys(("test", "testing", "tst", "holdout"), "test"),
}
# Words that say no more than that it is a set of images.
_FILLER = re.compile(
    r"(data|sub)?sets?|data|splits?|parts?|fold|partition|ima?ge?s?|samples?|pictures?|photos?|files?|folder|dir|seg|cls"
    r"|19\d\d|20\d\d"  # a year: val2017
)
_ENDINGS = ("datasets", "dataset", "subset", "split", "sets", "set", "data", "images", "imgs")


def split_of(name: str) -> Split | None:
    """The split that a folder or a cell of this name means, in any case and usual spelling; None: not a split's name.

    Example:
        >>> from handful.data.split_names import split_of
        >>> [split_of(name) for name in ("Training", "test_set", "VALID", "seg_train", "trainset", "val2017", "tram")]
        ['train', 'test', 'val', 'train', 'train', 'val', None]
    """
    words = [word for word in split_words(name) if not _FILLER.fullmatch(word)]
    return _SYNONYMS.get(words[0]) if len(words) == 1 else None


def split_words(name: str) -> list[str]:
    """The words of a name in lower case, a split's name apart from what is written together with it.

    Example:
        >>> from handful.data.split_names import split_words
        >>> split_words("chest-xray_trainSet"), split_words("hold_out")
        (['chest', 'xray', 'train', 'set'], ['holdout'])
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.findall(r"[^\W\d_]+|\d+", spaced.casefold().replace("hold out", "holdout"))
    joined = " ".join(words).replace("hold out", "holdout").split()
    return [part for word in joined for part in _parted(word)]


def parse_split(name: str, where: object) -> Split | None:
    """The split that the cell of a table or the entry of a list names; None if it is empty.

    Raises:
        DataError: it is not the name of a split.
    """
    if not name.strip():
        return None
    split = split_of(name)
    if split is None:
        names = get_args(Split)
        raise DataError(
            f"unknown split {name!r}", where=where, remedy=f"use train, val, test or nothing; {nearest(name, names)}"
        )
    return split


def word_of(words: list[str]) -> int | None:
    """Position of the only word that is a split's name; None where there is none or several.

    Example:
        >>> from handful.data.split_names import word_of
        >>> word_of(["flowers", "train"]), word_of(["flowers"])
        (1, None)
    """
    positions = [i for i, word in enumerate(words) if word in _SYNONYMS]
    return positions[0] if len(positions) == 1 else None


def _parted(word: str) -> tuple[str, ...]:
    """The split's name and the ending of "trainset"; any other word as it is."""
    for ending in _ENDINGS:
        head = word.removesuffix(ending)
        if head != word and head in _SYNONYMS:
            return head, ending
    return (word,)

"""Class names and their indices: one Unicode form, sorted by name; a label that is not a class is an error."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

from handful.core.dataset import Dataset
from handful.errors import DataError, nearest


def nfc(text: str) -> str:
    """The text in Unicode's composed form (NFC).

    A name with an accent has two spellings that look the same, and file systems of macOS give the decomposed one: class
    names, ids, and names to be compared with them pass through here first.

    Example:
        >>> from handful.data.class_names import nfc
        >>> len("e\N{COMBINING ACUTE ACCENT}"), len(nfc("e\N{COMBINING ACUTE ACCENT}"))
        (2, 1)
    """
    return unicodedata.normalize("NFC", text)


def class_names(names: Sequence[str | None], classes: Sequence[str] | None) -> tuple[str, ...]:
    """The class names (NFC) in sorted order: `classes` if given, otherwise the `names` that occur, without None.

    Raises:
        DataError: `classes` contains a name twice.
    """
    if classes is None:
        return tuple(sorted({nfc(name) for name in names if name is not None}))
    composed = [nfc(str(c)) for c in classes]
    if len(set(composed)) < len(composed):
        twice = sorted({c for c in composed if composed.count(c) > 1})
        raise DataError(f"the class {twice[0]!r} is listed twice", where="classes", remedy="name each class once.")
    return tuple(sorted(composed))


def class_index(name: str, known: Mapping[str, int], where: object) -> int:
    """The index of a class whose `name` may be in either Unicode form.

    Raises:
        DataError: the label is outside the classes.
    """
    name = nfc(name)
    if name not in known:
        hint = nearest(name, tuple(known)) if known else "name the classes."
        raise DataError(f"the label {name!r} is not one of the {len(known)} classes", where=where, remedy=hint)
    return known[name]


def with_classes(data: Dataset, classes: Sequence[str] | None) -> Dataset:
    """The same samples with labels that index the sorted `classes`; None changes nothing.

    Raises:
        DataError: a sample's class is not among them.
    """
    if classes is None:
        return data
    known = class_names([], classes)
    index = {name: i for i, name in enumerate(known)}
    samples = (
        s if s.label is None else replace(s, label=class_index(data.classes[s.label], index, s.id))
        for s in data.samples
    )
    return replace(data, samples=tuple(samples), classes=known)

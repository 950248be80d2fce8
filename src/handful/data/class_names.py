"""Class indices of label names: classes are sorted by name, and a label that is not a class is an error."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from handful.core.dataset import Dataset
from handful.errors import DataError, nearest


def class_names(names: Sequence[str | None], classes: Sequence[str] | None) -> tuple[str, ...]:
    """The class names in sorted order: `classes` if given, otherwise the `names` that occur, without None.

    Raises:
        DataError: `classes` contains a name twice.
    """
    if classes is None:
        return tuple(sorted({name for name in names if name is not None}))
    if len(set(classes)) < len(classes):
        twice = sorted({c for c in classes if list(classes).count(c) > 1})
        raise DataError(f"the class {twice[0]!r} is listed twice", where="classes", remedy="name each class once.")
    return tuple(sorted(classes))


def class_index(name: str, known: Mapping[str, int], where: object) -> int:
    """The index of a class.

    Raises:
        DataError: the label is outside the classes.
    """
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

"""Class names and their indices: one Unicode form, sorted by name; a label that is not a class is an error."""

import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from handful.core.dataset import Dataset, Sample
from handful.core.text import listed
from handful.data.doubtful_names import warn_doubtful_names
from handful.errors import DataError, HandfulWarning, nearest

MOST_NAMED = 5  # classes that a note names


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


def read_names(path: Path) -> tuple[str, ...]:
    """Class names from a text file, one per line; empty lines are ignored.

    Raises:
        DataError: no such file, no text, or no name in it.
    """
    if not path.exists():
        raise DataError("no such file", where=path, remedy="check the path; it holds one class name per line.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"the class names cannot be read: {error}", where=path, remedy="give a UTF-8 text file."
        ) from error
    names = tuple(line.strip() for line in lines if line.strip())
    if not names:
        raise DataError("no class names found", where=path, remedy="write one name per line.")
    return names


def consistent_names(
    names: Sequence[str | None], classes: Sequence[str] | None, *, where: object, unlabelled: bool = True
) -> list[str | None]:
    """The class name of each sample, with names that are surely one class made one; what is doubtful is said once.

    A name with blanks at an end becomes the name without them, if that is a class too. "-1" is no label where all
    names are whole numbers from 0 and there are at least two others, as scikit-learn and STL-10 write it: give the
    class another name, or list it in `classes`, if it is one. Names that differ in upper and lower case alone stay
    two classes. Names in `classes` stay as they are. Names that look like a missing value, a date or a measurement stay
    classes, and a note says so (`handful.data.doubtful_names.warn_doubtful_names`).

    Args:
        names: the class name of each sample; None: unlabelled.
        classes: the expected class names; None: those that occur.
        where: what to name in a warning.
        unlabelled: the images have no class from elsewhere, so that labels of -1 are said at once; False: the caller
            does so by `warn_minus_one`.
    """
    listed = set() if classes is None else {nfc(str(c)) for c in classes}
    composed = [None if name is None else nfc(name) for name in names]
    occurring = {name for name in composed if name is not None}
    changes: dict[str, str | None] = {}
    spaced = [name for name in sorted(occurring - listed) if name != name.strip()]
    changes.update({name: name.strip() for name in spaced if name.strip() in occurring | listed})
    _warn_of_blanks([name for name in spaced if name in changes], [n for n in spaced if n not in changes], where)
    others = occurring - {"-1"}
    if "-1" in occurring - listed and "0" in others and len(others) > 1 and all(_is_whole(name) for name in others):
        changes["-1"] = None
        if unlabelled:
            _say_minus_one(composed.count("-1"), where)
    _warn_of_case(occurring - listed - set(changes), where)
    if classes is None:
        warn_doubtful_names([name for name in composed if name is not None and name not in changes], where)
    return [name if name is None else changes.get(name, name) for name in composed]


def warn_minus_one(
    texts: Sequence[str | None], names: Sequence[str | None], samples: Sequence[Sample], where: object
) -> None:
    """Say how many images are unlabelled because their label is -1: votes, candidates or the bag may tell the class.

    Args:
        texts: the labels as they are written.
        names: what they were read as.
        samples: the images with what is known of them.
        where: what to name in the warning.
    """
    read = zip(texts, names, samples, strict=True)
    count = sum(text == "-1" and name is None and not sample.supervised for text, name, sample in read)
    if count:
        _say_minus_one(count, where)


def _say_minus_one(count: int, where: object) -> None:
    labels = "1 label is" if count == 1 else f"{count} labels are"
    _warn(where, f"{labels} -1, read as unlabelled; if -1 is a class, name it in words")


def _warn_of_blanks(same: Sequence[str], alone: Sequence[str], where: object) -> None:
    """Say which names have blanks at an end: those that are read as another class, and those that are none."""
    if same:
        pairs = _first([f"{name!r} and {name.strip()!r}" for name in same])
        _warn(where, f"{pairs} are read as one class, without the blanks at the end")
    if len(alone) == 1:
        _warn(where, f"the class {alone[0]!r} has blanks at an end; rename it if they are not meant")
    elif alone:
        shown = _first([repr(name) for name in alone])
        _warn(where, f"{len(alone)} classes have blanks at an end ({shown}); rename them if these are not meant")


def _warn_of_case(names: set[str], where: object) -> None:
    by_case: dict[str, list[str]] = {}
    for name in sorted(names):
        by_case.setdefault(name.casefold(), []).append(name)
    sets = [same for same in by_case.values() if len(same) > 1]
    if sets:
        text = _first([" and ".join(map(repr, same)) for same in sets])
        number = f"{len(sets[0])} classes" if len(sets) == 1 else "classes of their own"
        _warn(where, f"{text} differ in case alone, and are {number}; rename them if they are one")


def _first(texts: Sequence[str]) -> str:
    """The first texts of a list, and how many more there are."""
    return listed(texts, MOST_NAMED, separator="; ")


def _is_whole(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _warn(where: object, text: str) -> None:
    warnings.warn(f"{where}: {text}", HandfulWarning, stacklevel=3)


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
    if data.kind == "multilabel":
        columns = [class_index(name, index, "classes") for name in data.classes]
        return replace(data, samples=tuple(_moved(s, columns, len(known)) for s in data.samples), classes=known)
    samples = (
        s if s.label is None else replace(s, label=class_index(data.classes[s.label], index, s.id))
        for s in data.samples
    )
    if data.has_probabilities or data.has_candidates:
        columns = [class_index(name, index, "classes") for name in data.classes]
        samples = (_with_columns(s, columns, len(known)) for s in samples)
    return replace(data, samples=tuple(samples), classes=known)


def _with_columns(sample: Sample, columns: Sequence[int], k: int) -> Sample:
    """The sample with its class probabilities, or candidates, in other columns of k; the rest are 0."""
    if sample.candidates is not None:
        candidates = np.zeros(k, dtype=bool)
        candidates[list(columns)] = sample.candidates
        return replace(sample, candidates=candidates)
    if sample.probabilities is None:
        return sample
    probabilities = np.zeros(k, dtype=np.float32)
    probabilities[list(columns)] = sample.probabilities
    return replace(sample, probabilities=probabilities)


def _moved(sample: Sample, columns: Sequence[int], k: int) -> Sample:
    """The sample with the entries of its target in other columns of k, and its mask's labels; the rest are unknown."""
    if sample.target is None:
        return sample
    target = np.full(k, np.nan, dtype=np.float32)
    target[list(columns)] = sample.target
    labels = sample.mask_labels
    if labels is not None:
        moved = np.array([0, *(c + 1 for c in columns), k + 1], dtype=np.int16)  # by the old label
        labels = moved[labels]
    return replace(sample, target=target, mask_labels=labels)

"""Labels that name a group of classes, such as "bird" among sparrow and duck: the image then has candidate classes.

A tree says which classes lie below which groups. The classes are the names of labels below which no other label lies;
every other label is a group, and its images have the classes below it as candidates. Such an image is always a training
image: it is not drawn, and not scored.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from handful.core.dataset import Dataset, Sample
from handful.core.hierarchy import Tree
from handful.core.text import listed
from handful.data.class_names import MOST_NAMED, class_index, nfc
from handful.errors import DataError, HandfulWarning, nearest, option

Names = frozenset[str]


def candidate_dataset(
    data: Dataset,
    *,
    tree: Tree | None = None,
    separator: str | None = None,
    expected: Sequence[str] = (),
    where: object = "tree",
) -> Dataset:
    """The data with candidates in place of labels that are groups of the tree, or lists of names.

    A group below which all classes lie says nothing, so its images are unlabelled. What a group may show and has no
    labelled image is named in a warning: the candidates are the others.

    Args:
        data: multiclass data whose classes are all names of labels.
        tree: of the groups and classes; a name may lie in several groups.
        separator: of the names in a label, such as "|" in "sparrow|duck"; None: a label is one name.
        expected: classes that count as named by a label.
        where: what to name in errors and warnings.

    Raises:
        DataError: a label that is not in the tree, a group with a single class, no class, or class probabilities.
    """
    if data.has_probabilities:
        remedy = "give each image one label, a class or a group, and leave the votes out."
        raise DataError("some images have votes, and labels may name groups", where=where, remedy=remedy)
    if separator is not None and not separator.strip():
        raise DataError(
            f"{separator!r} is no separator", where=option("candidates", separator), remedy="give a character as '|'."
        )
    parts = {label: _parts(label, separator, where) for label in data.classes}
    occurring = frozenset(name for names in parts.values() for name in names) | {nfc(str(name)) for name in expected}
    below = {name: frozenset[str]() for name in occurring} if tree is None else _below(tree)
    _refuse_unknown(occurring, below, where)
    classes = tuple(sorted(name for name in occurring if not below[name] & occurring - {name}))
    index = {name: i for i, name in enumerate(classes)}
    shown = {name: (below[name] | {name}).intersection(index) for name in occurring}
    sets = {label: frozenset[str]().union(*(shown[name] for name in names)) for label, names in parts.items()}
    _refuse_single(sets, below, where)
    _warn_of_missing({n for n in occurring if n not in index}, below, shown, where)
    by_label = [sets[label] for label in data.classes]
    samples = tuple(_sample(s, by_label, data.classes, index) for s in data.samples)
    return replace(data, samples=samples, classes=classes, tree=tree)


def _sample(sample: Sample, sets: Sequence[Names], labels: Sequence[str], index: dict[str, int]) -> Sample:
    if sample.candidates is not None:
        names = frozenset[str]().union(*(sets[c] for c in np.flatnonzero(sample.candidates).tolist()))
    elif sample.label is None:
        return sample
    elif labels[sample.label] in index:
        return replace(sample, label=index[labels[sample.label]])
    else:
        names = sets[sample.label]
    return _marked(sample, (index[name] for name in names), len(index))


def _parts(label: str, separator: str | None, where: object) -> tuple[str, ...]:
    """The names in a label.

    Raises:
        DataError: one is empty.
    """
    if separator is None or separator not in label:
        return (label,)
    names = tuple(dict.fromkeys(nfc(name.strip()) for name in label.split(separator)))
    if not all(names):
        raise DataError(
            f"the label {label!r} lists an empty name", where=where, remedy=f"write names between {separator!r}."
        )
    return names


def _below(tree: Tree) -> dict[str, Names]:
    """The names of the nodes below each node; of a name that occurs several times, below any of these."""
    below: dict[str, Names] = {}
    for name, names in _nodes(tree):
        below[name] = below.get(name, frozenset()) | names
    return below


def _nodes(tree: Tree) -> Iterator[tuple[str, Names]]:
    names: set[str] = set()
    for child in tree.children:
        for name, inner in _nodes(child):
            yield name, inner
            names |= {name, *inner}
    yield nfc(tree.name), frozenset(names)


def _refuse_unknown(occurring: Names, below: dict[str, Names], where: object) -> None:
    unknown = sorted(occurring - below.keys())
    if unknown:
        more = f", nor are {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise DataError(
            f"the label {unknown[0]!r} is not in the tree{more}",
            where=where,
            remedy=nearest(unknown[0], tuple(below), otherwise="add it to the tree, in its group."),
        )


def _refuse_single(sets: dict[str, Names], below: dict[str, Names], where: object) -> None:
    for label, names in sorted(sets.items()):
        if len(names) == 1 and label not in names:
            only = next(iter(names))
            raise DataError(
                f"only one class below {label!r} has images of its own, {only!r}, so each of its images would be one",
                where=where,
                remedy=f"label images of another class below {label!r}"
                + (f", or take {only!r} out of the group." if below.get(label) else ", or name the class."),
            )


def _warn_of_missing(groups: set[str], below: dict[str, Names], shown: dict[str, Names], where: object) -> None:
    """Say which leaves below a group have no image of their own, nor one of a class that they lie in."""
    for group in sorted(groups):
        covered = shown[group].union(*(below[name] for name in shown[group]))
        missing = sorted(name for name in below[group] - covered if not below[name])
        if missing:
            names = listed([repr(name) for name in missing], MOST_NAMED)
            text = (
                f"{where}: no image is labelled {names}, so an image labelled {group!r} counts as one of the other "
                "classes below it"
            )
            warnings.warn(text, HandfulWarning, stacklevel=3)


def refuse_other_knowledge(**given: object) -> None:
    """Refuse arguments that candidates cannot be combined with; None: it was not given.

    Raises:
        DataError: names the first.
    """
    for name, value in given.items():
        if value is not None:
            remedy = "candidates are of images with one class each, beside labels: leave one of them out."
            raise DataError(f"candidates and {name} are both given", where="candidates", remedy=remedy)


def candidate_columns(
    labels: Iterable[str | None], columns: int, names: Iterable[Any] | None, classes: Sequence[str] | None
) -> list[str]:
    """The classes of the columns of an array of candidates.

    They are `names` (of a data frame, or in a file), or else `classes`. Without either they are the positions from 0 if
    the labels are such positions, or there are none; otherwise the labels that occur, sorted.

    Args:
        labels: names of the labels beside them; None: no label.
        columns: how many there are.
        names: their names, or None.
        classes: the expected classes, or None.
    """
    if names is not None or classes is not None:
        return [nfc(str(name)) for name in (classes or () if names is None else names)]
    positions, occurring = [str(c) for c in range(columns)], {nfc(name) for name in labels if name is not None}
    return positions if occurring.issubset(positions) else sorted(occurring)


def candidate_rows(
    values: np.ndarray, images: int, classes: int, *, where: str, labelled: bool
) -> Bool[np.ndarray, "n v"]:
    """Candidates as an array gives them.

    Args:
        values: booleans, or 1 and 0.
        images: number of images.
        classes: number of classes.
        where: what to name in an error.
        labelled: labels are given too, so that a row may be False everywhere.

    Raises:
        DataError: another shape than [images classes], no booleans, or without labels a row that is nowhere True.
    """
    if values.shape != (images, classes) or values.dtype.kind not in "biu" or values.max(initial=0) > 1:
        what = f"candidates of shape {list(values.shape)} and type {values.dtype}"
        what += f", {values.min()} to {values.max()}," if values.dtype.kind in "iu" and values.size else ""
        remedy = "give a row for each image, with a boolean for each class."
        raise DataError(f"{what} for {images} images and {classes} classes", where=where, remedy=remedy)
    rows: Bool[np.ndarray, "n v"] = values != 0
    empty = np.flatnonzero(~rows.any(axis=1))
    if len(empty) and not labelled:
        more = f", nor have {len(empty) - 1} more" if len(empty) > 1 else ""
        remedy = "mark at least one class; all of them where nothing is known."
        raise DataError(f"the image has no candidate and no label{more}", where=f"{where}[{empty[0]}]", remedy=remedy)
    return rows


def with_candidates(data: Dataset, rows: Bool[np.ndarray, "n v"], names: Sequence[str], *, where: object) -> Dataset:
    """The data with candidates for images without a label.

    A single candidate is a label, and all classes say nothing. A label stays, and is one of its image's candidates.

    Args:
        data: samples with a label, or without.
        rows: which of `names` the image may show; a row of False where nothing is known.
        names: classes of the columns; those that are nowhere True need not be classes of the data.
        where: what to name in an error of the classes.

    Raises:
        DataError: a name that is not a class of the data, or a label that is not a candidate.
    """
    index = {name: i for i, name in enumerate(data.classes)}
    columns = {c: class_index(name, index, where) for c, name in enumerate(names) if rows[:, c].any()}
    samples = []
    for sample, row in zip(data.samples, rows, strict=True):
        among = {columns[c] for c in np.flatnonzero(row).tolist()}
        if sample.label is not None and among and sample.label not in among:
            raise DataError(
                f"the label {data.classes[sample.label]!r} is not one of the image's candidates",
                where=sample.id,
                remedy="correct the label, or leave out one of the two.",
            )
        samples.append(_marked(sample, among, len(index)) if sample.label is None and among else sample)
    return replace(data, samples=tuple(samples))


def _marked(sample: Sample, among: Iterable[int], classes: int) -> Sample:
    """The sample with these candidates: one is its label, and all say nothing."""
    candidates = np.zeros(classes, dtype=bool)
    candidates[list(among)] = True
    if candidates.sum() == 1:
        return replace(sample, label=int(candidates.argmax()), candidates=None)
    return replace(sample, label=None, candidates=None if candidates.all() else candidates)


def refuse_improper_candidates(sample: Sample, classes: int) -> None:
    """Refuse candidates of another number of classes, of none, or beside a label.

    Raises:
        DataError: names the sample.
    """
    rows = sample.candidates
    if rows is None:
        return
    if rows.shape != (classes,) or rows.dtype != np.bool_ or not rows.any():
        what = f"candidates of shape {list(rows.shape)}, {int(rows.sum())} of them True, for {classes} classes"
        raise DataError(what, where=sample.id, remedy="give a boolean for each class, at least one of them True.")
    if sample.label is not None:
        raise DataError("the image has a label and candidates", where=sample.id, remedy="leave one of them out.")


def label_of_candidates(sample: Sample, classes: Sequence[str]) -> str:
    """The candidates as a label in a table, "duck|sparrow"; empty without any."""
    if sample.candidates is None:
        return ""
    return "|".join(name for name, may in zip(classes, sample.candidates, strict=True) if may)

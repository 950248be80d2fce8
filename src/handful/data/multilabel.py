"""Multilabel targets: what lists of names, indicator columns, arrays and copies in class folders say of each class.

An entry of a target is 1 (present), 0 (absent) or NaN (unknown). Nothing is guessed from the text of a label, since a
class may be called "a|b": the user says how a source writes several labels.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float32

from handful.core.dataset import Dataset, Sample
from handful.data.class_names import class_index, class_names, nfc
from handful.data.fingerprint import file_hash
from handful.errors import DataError, option

Unlisted = Literal["absent", "unknown"]
NOTHING = "none"  # in a list of names: the image shows none of the classes
_PRESENT, _ABSENT, _UNKNOWN = ("1", "yes", "true", "y"), ("0", "no", "false", "n"), ("", "?", "-1", "unknown", "nan")


@dataclass(frozen=True)
class LabelFormat:
    """How a source writes several labels per image.

    Attributes:
        form: "list": names in one cell; "columns": a column per class; "folders": copies in several class folders;
            "annotations": a COCO or Label Studio file.
        separator: of the names in a list.
        columns: the columns that are classes; (): all that have no other role.
        unlisted: what a class is that a list, or an empty cell of a column, does not name; None: absent in lists,
            folders and annotations (of LVIS, unknown), unknown in columns.
    """

    form: Literal["list", "columns", "folders", "annotations"]
    separator: str = ""
    columns: tuple[str, ...] = ()
    unlisted: Unlisted | None = None

    @property
    def default(self) -> float:
        """The entry of a class that is not named: 0 or NaN."""
        unlisted = self.unlisted or ("unknown" if self.form == "columns" else "absent")
        return 0.0 if unlisted == "absent" else float("nan")


def parse_label_format(text: str, unlisted: str | None = None) -> LabelFormat:
    """The format that an option says: a separator such as "|", "columns[:NAME,NAME]", "folders" or "annotations".

    Raises:
        DataError: it is none of these, or `unlisted` is neither "absent" nor "unknown".

    Example:
        >>> from handful.data.multilabel import parse_label_format
        >>> parse_label_format("|").separator, parse_label_format("columns:scratch,dent").columns
        ('|', ('scratch', 'dent'))
    """
    if unlisted is not None and unlisted not in get_args(Unlisted):
        raise DataError(f"unknown value {unlisted!r}", where=option("unlisted", None), remedy='"absent" or "unknown".')
    how: Unlisted | None = None if unlisted is None else ("absent" if unlisted == "absent" else "unknown")
    form, colon, listed = text.partition(":")
    if form in ("folders", "annotations") and not colon:
        return LabelFormat("folders" if form == "folders" else "annotations", unlisted=how)
    if form == "columns":
        columns = tuple(name.strip() for name in listed.split(",") if name.strip())
        return LabelFormat("columns", columns=columns, unlisted=how)
    if not text or any(character.isalnum() for character in text):
        raise DataError(
            f"{text!r} is not a form of several labels",
            where=option("multilabel", None),
            remedy="give the separator of the names in a cell, such as '|'; columns, or columns:NAME,NAME, for one "
            "column per class; folders for images that lie in several class folders; or annotations for a COCO or "
            "Label Studio file.",
        )
    return LabelFormat("list", separator=text, unlisted=how)


def label_format(multilabel: str | None, unlisted: str | None) -> LabelFormat | None:
    """The form of several labels that two options say; None: one label per image.

    Raises:
        DataError: as `parse_label_format`; or `unlisted` without `multilabel`.
    """
    if multilabel is not None:
        return parse_label_format(multilabel, unlisted)
    if unlisted is not None:
        raise DataError(
            "it says what unlisted classes are, and images have one label",
            where=option("unlisted", unlisted),
            remedy=f"say how several labels are written ({option('multilabel', '|')}), or leave it out.",
        )
    return None


def refuse_form(labels: LabelFormat | None, source: object, forms: Sequence[str]) -> None:
    """Refuse a form of several labels that a source does not have.

    Args:
        labels: the form; None: one label per image.
        source: for the error.
        forms: those that it has.

    Raises:
        DataError: it is none of them.
    """
    if labels is None or labels.form in forms:
        return
    if "list" in forms:
        remedy = "for a table give the separator of the names, such as '|', or columns."
    elif "folders" in forms:
        remedy = f"for images that lie in several class folders: {option('multilabel', 'folders')}."
    elif "annotations" in forms:
        remedy = f"for the labels of a COCO or Label Studio file: {option('multilabel', 'annotations')}."
    elif str(source).lower().endswith(".npz"):
        remedy = "leave it out: an archive has several labels where it holds targets [n k]."
    else:
        remedy = "leave it out, or read a table, class folders, or an .npz archive with targets."
    what = {
        "list": "no lists of labels",
        "columns": "no columns",
        "folders": "no class folders",
        "annotations": "no annotations of several labels",
    }[labels.form]
    raise DataError(f"{source} has {what}", where=option("multilabel", labels.separator or labels.form), remedy=remedy)


def names_in(cell: str, separator: str, where: object) -> list[str] | None:
    """The names in a cell; None: it is empty, so nothing is known.

    Raises:
        DataError: "none" among other names.
    """
    names = list(dict.fromkeys(nfc(name.strip()) for name in cell.split(separator) if name.strip()))
    if not cell.strip():
        return None
    if NOTHING not in names:
        return names
    if len(names) > 1:
        raise DataError(
            f"{cell!r} names classes, and none", where=where, remedy="write none alone, or leave it out of the list."
        )
    return []


def targets_of_lists(
    lists: Sequence[Sequence[str] | None], classes: Sequence[str] | None, default: float, where: Sequence[object]
) -> tuple[list[Float32[np.ndarray, " k"] | None], tuple[str, ...]]:
    """The target of each list of names, and the classes. An empty list is an image that shows none of them.

    Args:
        lists: the names of each image; None: unlabelled.
        classes: the expected class names; None: those that occur.
        default: the entry of a class that a list does not name.
        where: what to name in an error, for each image.

    Raises:
        DataError: a name outside `classes`.
    """
    known = class_names([name for names in lists for name in names or ()], classes)
    index = {name: i for i, name in enumerate(known)}
    targets: list[Float32[np.ndarray, " k"] | None] = []
    for names, at in zip(lists, where, strict=True):
        if names is None:
            targets.append(None)
            continue
        target = np.full(len(known), default if names else 0.0, dtype=np.float32)
        target[[class_index(name, index, at) for name in names]] = 1
        targets.append(target)
    return targets, known


def value_of(cell: str, default: float, where: object) -> float:
    """The entry that a cell of an indicator column says.

    Raises:
        DataError: it says neither present, absent nor unknown.
    """
    text = cell.strip().casefold().removesuffix(".0")
    if text in _PRESENT:
        return 1.0
    if text in _ABSENT:
        return 0.0
    if text in _UNKNOWN:
        return default if not text else float("nan")
    raise DataError(
        f"{cell!r} says neither that the class is there nor that it is not",
        where=where,
        remedy="write 1 or 0 (yes or no, true or false), or leave it empty; if the column is no class, name those that "
        f"are ({option('multilabel', 'columns:NAME,NAME')}).",
    )


def with_targets(
    samples: Sequence[Sample],
    targets: Float32[np.ndarray, "n m"],
    names: Sequence[str],
    classes: Sequence[str] | None = None,
    *,
    where: object = "targets",
) -> Dataset:
    """A multilabel data set of samples whose targets have a column per name, in any order.

    Args:
        samples: the images.
        targets: 1, 0 or NaN.
        names: the class of each column.
        classes: the expected class names, of which those without a column are unknown; None: the names.
        where: what to name in an error.

    Raises:
        DataError: another number of rows or columns, a value that is none of these, or a class that is listed twice.
    """
    if targets.shape != (len(samples), len(names)):
        what = f"targets of shape {list(targets.shape)} for {len(samples)} images and {len(names)} classes"
        raise DataError(what, where=where, remedy="give a row for each image, and a column for each class.")
    wrong = np.argwhere(~(np.isnan(targets) | np.isin(targets, (0, 1))))
    if len(wrong):
        row, column = wrong[0]
        raise DataError(
            f"{targets[row, column]:g} is not an entry of a target",
            where=f"{where}[{row}, {column}]",
            remedy="write 1 for a class that the image shows, 0 for one it does not, and NaN where that is not known.",
        )
    unique = class_names([], names)
    known = unique if classes is None else class_names([], classes)
    index = {name: i for i, name in enumerate(known)}
    rows = np.full((len(samples), len(known)), np.nan, dtype=np.float32)
    rows[:, [class_index(name, index, where) for name in names]] = targets
    return multilabel_dataset(samples, list(rows), known)


def multilabel_dataset(
    samples: Iterable[Sample], targets: Iterable[Float32[np.ndarray, " k"] | None], classes: tuple[str, ...]
) -> Dataset:
    """The samples with their targets; one of which nothing is known has none."""
    rows = (None if t is None or bool(np.isnan(t).all()) else t for t in targets)
    labelled = (replace(s, label=None, target=row) for s, row in zip(samples, rows, strict=True))
    return Dataset(tuple(labelled), classes, kind="multilabel")


def merge_copies(data: Dataset, default: float) -> Dataset:
    """Multilabel data from class folders: files of the same content are one image, which shows the class of each.

    Copies in two splits stay two images, which `handful.data.check` then refuses or names.
    """
    copies: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in sorted(data.samples, key=lambda s: s.id):
        assert isinstance(sample.image, Path), "class folders hold files"
        copies[file_hash(sample.image), sample.split or ""].append(sample)
    samples, lists = [], []
    for equal in copies.values():
        labels = sorted({s.label for s in equal if s.label is not None})
        samples.append(equal[0])
        lists.append([data.classes[label] for label in labels] or None)
    targets, classes = targets_of_lists(lists, data.classes, default, [s.id for s in samples])
    merged = multilabel_dataset(samples, targets, classes)
    return replace(merged, left_out=data.left_out)

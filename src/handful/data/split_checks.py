"""Checks that a data set can be drawn from and split: enough images and groups of each class, on each side."""

from collections import Counter
from collections.abc import Sequence

from handful.core.dataset import Dataset, Sample
from handful.errors import DataError


def refuse_small_classes(pool: Dataset, k: int) -> None:
    """Refuse to split a class into more folds than it has images or groups.

    Raises:
        DataError: names the class, or the only group.
    """
    refuse_one_group(pool)
    for label, name in enumerate(pool.classes):
        samples = [s for s in pool.samples if shows(s, label)]
        for n, unit in ((len(samples), "labelled images"), (len({group_of(s) for s in samples}), "groups")):
            if n < k:
                raise DataError(
                    f"has {n} {unit} for training, fewer than {k} folds",
                    where=f"class {name!r}",
                    remedy=f"use {n} folds or fewer, label more images, or leave the class out."
                    if n > 1
                    else "label more images of it, or leave the class out.",
                )


def refuse_one_group(pool: Dataset) -> None:
    """Refuse to split images that are all of one group.

    Raises:
        DataError: names the group.
    """
    groups = {s.group for s in pool.samples}
    (only,) = groups if len(groups) == 1 else (None,)
    if only is not None:
        raise DataError(
            f"all {len(pool)} training images are of the group {only!r}, and a group is never split",
            where="groups",
            remedy="give each patient (or site, or session) a group of its own, leave the groups out, or score on a "
            "test split.",
        )


def refuse_too_few(pool: Dataset, wanted: Sequence[int]) -> None:
    """Refuse to draw more images of a class than it has.

    Raises:
        DataError: names the class.
    """
    counts = class_counts(pool)
    for label, name in enumerate(pool.classes):
        if counts[label] < wanted[label]:
            raise DataError(
                f"has {counts[label]} labelled images for training, fewer than the {wanted[label]} to draw",
                where=f"class {name!r}",
                remedy=f"draw at most {counts[label]} per class, label more images, or leave the class out."
                if counts[label]
                else "label images of it, or leave the class out.",
            )


def refuse_few_bags(pool: Dataset, needed: int) -> None:
    """Refuse bags of which a class has too few to draw, to fold or to train on.

    Raises:
        DataError: names the class.
    """
    for name, count in zip(pool.classes, pool.counts.tolist(), strict=True):
        if count < needed:
            raise DataError(
                f"has {count} labelled bag{'' if count == 1 else 's'} for training, fewer than the {needed} needed",
                where=f"class {name!r}",
                remedy=(f"ask for {count} or fewer, " if count > 1 else "")
                + "label more bags of it, or leave the class out.",
            )


def refuse_uneven_draw(data: Dataset) -> None:
    """Refuse to draw a number of images for each class where an image has not one class.

    Raises:
        DataError: the data are multilabel, numbers or bags.
    """
    where = "a long-tailed draw"
    if data.kind == "number":
        what = "images have a number each, so there are no classes to draw a long tail of"
        raise DataError(what, where=where, remedy="draw evenly.")
    if data.kind == "bag":
        what = "bags are drawn evenly, and a long tail of them is not"
        raise DataError(what, where=where, remedy="draw the same number of each class.")
    if data.kind == "multilabel":
        what = "an image has several labels, so the number of images of each class cannot be chosen"
        raise DataError(what, where=where, remedy="draw the same number of each class.")


def refuse_missing_class(*parts: Dataset) -> None:
    """Refuse sides of a split of which one has no image of a class.

    Raises:
        DataError: names the class.
    """
    for part in parts:
        missing = set(range(len(part.classes))) - set(class_counts(part))
        if missing:
            why = "its groups are so large" if any(s.group for s in part.samples) else "so few images show it"
            raise DataError(
                f"{why} that one side of the split has no image of it",
                where=f"class {part.classes[min(missing)]!r}",
                remedy="use another seed or fewer folds, or add images of further groups.",
            )


def class_counts(data: Dataset) -> Counter[int | None]:
    """The images of each class that occurs, or is shown."""
    if data.kind == "multilabel":
        return Counter({label: int(n) for label, n in enumerate(data.counts) if n})
    return Counter(s.label for s in data.samples)


def shows(sample: Sample, label: int) -> bool:
    """Whether a sample is of a class, or known to show it."""
    if sample.label is not None or sample.target is None:
        return sample.label == label
    return bool(sample.target[label] == 1)


def group_of(sample: Sample) -> str:
    """The sample's group; a sample without one is a group of its own."""
    return f"id:{sample.id}" if sample.group is None else f"group:{sample.group}"

"""Bags of images, such as the tiles of a slide, whose label belongs to the bag and not to each image.

A bag is drawn, folded and scored whole: the splits see one sample per bag, as if it were an image.
"""

from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
from jaxtyping import Int

from handful.core.dataset import Dataset, Sample
from handful.core.groups import group_index
from handful.data.class_names import nfc
from handful.errors import DataError, option

FOLDERS = "folders"  # as the form of bags: each folder of images is one


def bag_dataset(data: Dataset, *, argument: str = "bag") -> Dataset:
    """The data with labels that belong to bags: an image without a label has that of the others in its bag.

    Args:
        data: samples that name their bag.
        argument: what said that there are bags, for errors.

    Raises:
        DataError: an image without a bag; or a bag with two labels, or in two splits or groups.
    """
    labels: dict[str, Sample] = {}
    first: dict[str, Sample] = {}
    for sample in data.samples:
        if not sample.bag:
            raise DataError(
                "the image is in no bag", where=sample.id, remedy="name the bag of each image, or leave the row out."
            )
        _refuse_two_sides(first.setdefault(sample.bag, sample), sample)
        if sample.probabilities is not None:
            raise DataError(
                "the image has class probabilities, and the labels belong to bags",
                where=sample.id,
                remedy=f"give the bag one label, without votes, or leave {option(argument, None)} out.",
            )
        if sample.label is None:
            continue
        other = labels.setdefault(sample.bag, sample)
        if other.label is not None and other.label != sample.label:
            raise DataError(
                f"bag {sample.bag!r} has two labels: {data.classes[other.label]} ({other.id}) and "
                f"{data.classes[sample.label]}",
                where=sample.id,
                remedy="give all images of a bag its label; where images of a bag differ in class, each has a label of "
                f"its own: leave {option(argument, None)} out.",
            )
    samples = (replace(s, label=labels[s.bag].label if s.bag in labels else None) for s in data.samples)
    return replace(data, samples=tuple(samples), kind="bag")


def _refuse_two_sides(first: Sample, sample: Sample) -> None:
    for what, one, other in (("splits", first.split, sample.split), ("groups", first.group, sample.group)):
        if one != other:
            raise DataError(
                f"bag {sample.bag!r} is in two {what}: {one or 'none'} ({first.id}) and {other or 'none'}",
                where=sample.id,
                remedy="a bag is never split: give all of its images the same.",
            )


def in_folders(data: Dataset, source: object, *, to_predict: bool = False) -> Dataset:
    """The data with a bag for each folder that holds images: class/bag/images.

    Args:
        data: of a folder.
        source: for errors.
        to_predict: also accept bag/images, without a label.

    Raises:
        DataError: images that lie in a class folder, or in no folder at all.
    """
    if to_predict and all(_folders_of_bags(s) < 1 for s in data.samples):
        data = replace(data, samples=tuple(replace(s, label=None) for s in data.samples), classes=())
    samples = []
    for sample in data.samples:
        folder = PurePosixPath(sample.id).parent
        if _folders_of_bags(sample) < 1:
            raise DataError(
                "the image lies in no folder of a bag",
                where=f"{source}: {sample.id}",
                remedy="put the images of each bag into a folder of their own inside of the class folder: "
                f"class/bag/image; or give a table and name its column of bags ({option('bag', 'COLUMN')}).",
            )
        samples.append(replace(sample, bag=nfc(folder.as_posix())))
    return replace(data, samples=tuple(samples))


def _folders_of_bags(sample: Sample) -> int:
    """How many folders an image lies in, but for those of its split and its class."""
    return len(PurePosixPath(sample.id).parent.parts) - (sample.label is not None) - (sample.split is not None)


def refuse_form_of_bags(bag: str | None, source: object, *, folders: bool = False) -> None:
    """Refuse a form of bags that a source does not have.

    Args:
        bag: "folders" or the name of a column; None: there are no bags.
        source: for the error.
        folders: the source is a folder; False: it has neither folders nor columns.

    Raises:
        DataError: names a form that it has, or sources that have one.
    """
    if bag is None or (folders and bag == FOLDERS):
        return
    where = option("bag", bag)
    if folders:
        remedy = f"for folders class/bag/images: {option('bag', FOLDERS)}; for a column, give a table."
        raise DataError(f"{source} is a folder, which has no columns", where=where, remedy=remedy)
    remedy = "give a table with a column of bags, or folders class/bag/images."
    raise DataError(f"{source} has no bags", where=where, remedy=remedy)


def refuse_other_targets(bag: str, *, number: str | None, multilabel: str | None) -> None:
    """Refuse bags of several labels, and bags with numbers.

    Raises:
        DataError: names the option to leave out.
    """
    for name, value in (("number", number), ("multilabel", multilabel)):
        if value is not None:
            remedy = f"leave out {option(name, value)}."
            raise DataError("a bag has one label", where=option("bag", bag), remedy=remedy)


def bag_index(data: Dataset) -> tuple[tuple[str, ...], Int[np.ndarray, " n"]]:
    """The bags in order of their first image, and the number of each image's bag."""
    return group_index([_bag(sample) for sample in data.samples])


def bag_labels(data: Dataset) -> Int[np.ndarray, " b"]:
    """The label of each bag, in the order of `bag_index`; -1 without one."""
    labels = {_bag(s): -1 if s.label is None else s.label for s in data.samples}
    return np.array([*labels.values()], dtype=np.int64)


def one_per_bag(data: Dataset) -> Dataset:
    """One sample for each bag, in place of its images: with its name as id, and its label, group and split."""
    first: dict[str, Sample] = {}
    for sample in data.samples:
        first.setdefault(_bag(sample), replace(sample.without_mask(), id=_bag(sample), bag=None))
    return replace(data, samples=tuple(first.values()), kind="multiclass")


def with_images(part: Dataset, data: Dataset) -> Dataset:
    """The images of `data` in the bags that a part of `one_per_bag` holds, bag by bag."""
    by_bag: dict[str, list[Sample]] = {}
    for sample in data.samples:
        by_bag.setdefault(_bag(sample), []).append(sample)
    samples = [s for bag in part.samples for s in sorted(by_bag[bag.id], key=lambda s: s.id)]
    return replace(data, samples=tuple(samples), left_out=())


def _bag(sample: Sample) -> str:
    assert sample.bag is not None, "bag_dataset refuses images without a bag"
    return sample.bag

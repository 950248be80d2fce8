"""Masks of images with several labels: areas that name the class that they show, put into one map."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from handful.core.dataset import Mask, MaskLabels, Sample
from handful.data.masks.provenance import least_sure
from handful.data.masks.shapes import Area, Drawing
from handful.errors import DataError


def merge_areas(
    sample: Sample, areas: Iterable[Area], classes: Sequence[str], size: tuple[int, int]
) -> tuple[Mask, MaskLabels | None, Mask | None]:
    """The mask of a sample, the class of each of its pixels, and the pixels of which something is known.

    The classes are None where no area names one of `classes`, or the sample has no target. Where areas of two classes
    overlap, or an area names none, a pixel is one of the classes that the image shows: k + 1. Where a class that the
    image shows has no area, pixels outside the areas may be of it, so that nothing is known of them. Areas without a
    pixel do not count.

    Args:
        sample: labelled or not.
        areas: of its size.
        classes: class names of the data set.
        size: h and w of the image.

    Raises:
        DataError: an area names a class that the labels of its image say it does not show.
    """
    mask = np.zeros(size, dtype=bool)
    if sample.target is None:
        for area in areas:
            mask |= area.mask
        return mask, None, None
    number = {name: i for i, name in enumerate(classes)}
    labels, one_of = np.zeros(size, dtype=np.int16), len(classes) + 1
    named, unnamed = set[int](), False
    for area in areas:
        i = number.get(area.label)
        if not area.mask.any():
            continue  # files for every class, most of them empty, are common
        if i is None:
            unnamed = True
            labels[area.mask & (labels == 0)] = one_of
        else:
            _refuse_absent(sample, i, area)
            named.add(i)
            other = mask & area.mask & (labels != i + 1)
            labels[area.mask] = i + 1
            labels[other] = one_of
        mask |= area.mask
    if not named:
        return mask, None, None
    missing = not unnamed and any(i not in named for i in np.flatnonzero(sample.target == 1))
    return mask, labels, mask.copy() if missing else None


def _refuse_absent(sample: Sample, i: int, area: Area) -> None:
    assert sample.target is not None
    if sample.target[i] == 0:
        raise DataError(
            f"the mask of {sample.id} is of {area.label}, which the labels say it does not show",
            where=area.where,
            remedy="add the class to the labels of the image, or remove the mask.",
        )


def join_by_image(
    drawings: Sequence[Drawing], positions: Sequence[int | None], labelled: Sequence[bool]
) -> tuple[list[Drawing], list[int | None]]:
    """Join the mask files of an image, one for each class, into one drawing; others stay as they are.

    Args:
        drawings: of one mask file each.
        positions: of each one's sample; None: it has none.
        labelled: whether the file names a class.
    """
    joined: list[Drawing] = []
    at: list[int | None] = []
    first: dict[int, int] = {}
    for drawing, position, names_class in zip(drawings, positions, labelled, strict=True):
        if position is not None and names_class and position in first:
            joined[first[position]] = _both(joined[first[position]], drawing)
            continue
        if position is not None and names_class:
            first[position] = len(joined)
        joined.append(drawing)
        at.append(position)
    return joined, at


def _both(a: Drawing, b: Drawing) -> Drawing:
    def areas(size: tuple[int, int]) -> Iterator[Area]:
        for each in (a.areas, b.areas):
            assert each is not None
            yield from each(size)

    def partial(size: tuple[int, int]) -> tuple[Mask, Mask]:
        assert a.partial is not None
        assert b.partial is not None
        (mask, known), (other, other_known) = a.partial(size), b.partial(size)
        return mask | other, known | other_known

    def source() -> str:
        return least_sure((a.source(), b.source()))

    return replace(a, areas=areas, partial=partial, source=source)

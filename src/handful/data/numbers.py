"""Numbers per image, such as an age or an area: their column in a table, and fifths of their range for draws and folds.

A number has no classes to draw evenly from, so the images are ranked by it and cut into fifths, and drawn and folded as
if these were classes: M images per class are M of each fifth. With several quantities the first one decides.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

import numpy as np
from jaxtyping import Float32

from handful.core.dataset import Dataset, Sample
from handful.core.standardization import Scale
from handful.data.class_names import nfc
from handful.errors import DataError, option

BINS = 5
NAMES = ("lowest fifth", "second fifth", "middle fifth", "fourth fifth", "highest fifth")
UNKNOWN = ("", "?", "nan", "na", "n/a")


def parse_quantities(text: str) -> tuple[str, ...]:
    """The columns that an option names: "age", or "age,area".

    Raises:
        DataError: it names none, or one twice.
    """
    names = tuple(nfc(name.strip()) for name in text.split(",") if name.strip())
    if not names or len(set(names)) < len(names):
        what = "no column" if not names else "a column twice"
        raise DataError(
            f"{text!r} names {what}", where=option("number", None), remedy="name each column of numbers once."
        )
    return names


def number_of(cell: str, where: object) -> float:
    """The number in a cell; NaN: it is empty, or "?".

    Raises:
        DataError: it is something else, or not finite.
    """
    if cell.strip().casefold() in UNKNOWN:
        return float("nan")
    try:
        value = float(cell)
    except ValueError:
        value = float("inf")
    if isfinite(value) and abs(value) < 1e30:
        return value
    raise DataError(
        f"{cell!r} is not a number",
        where=where,
        remedy="write it with a decimal point and without a unit, or leave the cell empty where it is not known.",
    )


def number_dataset(samples: Sequence[Sample], values: Float32[np.ndarray, "n k"], quantities: Sequence[str]) -> Dataset:
    """The samples with their numbers; one of which none is known is unlabelled."""
    targets = (None if bool(np.isnan(row).all()) else row for row in np.asarray(values, dtype=np.float32))
    labelled = (replace(s, label=None, target=t) for s, t in zip(samples, targets, strict=True))
    return Dataset(tuple(labelled), tuple(quantities), kind="number")


def scale_of(data: Dataset) -> Scale:
    """Mean and standard deviation of each quantity over the images whose value is known.

    Raises:
        DataError: a quantity has the same value in all of them, or no value.
    """
    targets = data.targets().astype(np.float64)
    refuse_constant(data)
    return Scale(tuple(np.nanmean(targets, axis=0).tolist()), tuple(np.nanstd(targets, axis=0).tolist()))


def refuse_constant(data: Dataset) -> None:
    """Refuse a quantity without two different values.

    Raises:
        DataError: names the quantity.
    """
    for name, column in zip(data.classes, data.targets().T, strict=True):
        known = column[~np.isnan(column)]
        if not len(known) or known.min() == known.max():
            what = "no training image has a value" if not len(known) else f"all training images have {known[0]:g}"
            raise DataError(
                what, where=f"quantity {name!r}", remedy="give images of different values, or leave it out."
            )


def in_fifths(data: Dataset) -> Dataset:
    """The images with the fifth of their first number, by rank, in place of a class; ids and groups stay."""
    values = data.targets()[:, 0]
    order = sorted(range(len(data)), key=lambda i: (-np.inf if np.isnan(values[i]) else values[i], data.samples[i].id))
    fifth = {position: min(BINS - 1, rank * BINS // len(data)) for rank, position in enumerate(order)}
    samples = (replace(s, target=None, label=fifth[i]) for i, s in enumerate(data.samples))
    return Dataset(tuple(samples), NAMES)


def with_numbers(part: Dataset, data: Dataset) -> Dataset:
    """The samples of `data` that a part of its images in fifths holds, in the part's order."""
    by_id = {s.id: s for s in data.samples}
    return replace(data, samples=tuple(by_id[s.id] for s in part.samples), left_out=())

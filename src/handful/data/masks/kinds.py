"""Kinds of masks: whole ones, partial ones, and second photographs that show the object alone."""

from pathlib import Path
from typing import Literal

from handful.core.dataset import Dataset
from handful.data.masks.attach import attach_masks
from handful.data.masks.attach_partial import attach_partial_masks
from handful.data.masks.paired import attach_paired_masks
from handful.errors import DataError, hint, option

Kind = Literal["whole", "partial", "paired"]


def mask_kind(masks: object, partial: bool, paired: bool, threshold: float | None, *, where: object) -> Kind:
    """The kind of masks that options ask for.

    Args:
        masks: where the masks are; None: there are none.
        partial: they speak of some pixels only.
        paired: they are second photographs.
        threshold: brightness of the object in these.
        where: the images, for errors.

    Raises:
        DataError: the options contradict each other, or there are no masks.
    """
    kind: Kind = "partial" if partial else "paired" if paired else "whole"
    if masks is None and kind != "whole":
        raise DataError(
            f"{kind} masks are asked for, and no masks are given",
            where=where,
            remedy=f"give the masks{hint('masks', 'PATH')}, or leave out that they are {kind}.",
        )
    if partial and paired:
        raise DataError("masks are either partial or paired", where=masks, remedy="leave one of them out.")
    if threshold is not None and not paired:
        raise DataError(
            "the threshold is for second photographs",
            where=option("paired_threshold", None),
            remedy=f"pass {option('paired_masks')} too.",
        )
    return kind


def attach_of_kind(kind: Kind, data: Dataset, source: Path, *, threshold: float | None = None) -> Dataset:
    """Attach masks of a kind to the images; `threshold` is that of second photographs.

    Raises:
        DataError: as the functions for each kind.
    """
    if kind == "paired":
        return attach_paired_masks(data, source, threshold=threshold)
    return (attach_partial_masks if kind == "partial" else attach_masks)(data, source)

"""Checks that data are of the kind that an operation takes: one class per image, several, numbers, or bags."""

from handful.core.dataset import Dataset
from handful.core.kind import BAG_REMEDY, NUMBER_REMEDY
from handful.errors import DataError


def refuse_bags(data: Dataset, what: str) -> None:
    """Refuse bags where each image needs a label of its own.

    Args:
        data: the data.
        what: needs a label per image, e.g. "an inspection".

    Raises:
        DataError: the labels belong to bags; names what takes them.
    """
    if data.kind == "bag":
        raise DataError(
            f"{what} needs a label per image, and the labels of these images belong to bags",
            where="labels",
            remedy=BAG_REMEDY,
        )


def refuse_numbers(data: Dataset, what: str) -> None:
    """Refuse data with numbers, or with labels of bags, where each image needs classes, one or several.

    Args:
        data: the data.
        what: needs classes, e.g. "an inspection".

    Raises:
        DataError: the data are numbers or bags; names what takes them.
    """
    refuse_bags(data, what)
    if data.kind == "number":
        raise DataError(
            f"{what} needs a class per image, and these images have a number each",
            where="labels",
            remedy=NUMBER_REMEDY,
        )


def refuse_multilabel(data: Dataset, what: str) -> None:
    """Refuse data with several labels per image, or numbers, where one label is needed.

    Args:
        data: the data.
        what: needs one label, e.g. "propagating masks".

    Raises:
        DataError: the data are multilabel, numbers or bags; names what takes them.
    """
    refuse_numbers(data, what)
    if data.kind == "multilabel":
        raise DataError(
            f"{what} needs one label per image, and these images have several each",
            where="labels",
            remedy="fit, run, evaluate, compare, inspect, predict and serve take them; for the rest, keep one label of "
            "each image.",
        )

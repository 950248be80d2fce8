"""The kind of a data set's labels, and the error where one label per image is needed."""

from collections.abc import Sequence
from typing import Literal

from handful.errors import DataError

# One class per image; any number of them, of which some may be unknown; numbers, such as an age; or a class per bag.
Kind = Literal["multiclass", "multilabel", "number", "bag"]

BAG_REMEDY = (
    "fit, evaluate and predict take bags; for the rest, read the images without bags, so that each has the label of "
    "its bag."
)

NUMBER_REMEDY = "fit, run, evaluate and predict take numbers; for the rest, give the images classes."
MULTILABEL_REMEDY = "fit, run, evaluate and predict take such data; for the rest, keep one label of each image."


def no_single_label(kind: Kind, classes: Sequence[str]) -> DataError:
    """The error for data of another kind than "multiclass" where each image needs one class."""
    what, remedy = {
        "bag": ("the labels of these images belong to bags, and this needs one label per image", BAG_REMEDY),
        "number": ("these images have a number each, and this needs a class", NUMBER_REMEDY),
        "multilabel": ("these images have several labels each, and this needs one label per image", MULTILABEL_REMEDY),
    }[kind]
    shown = ", ".join([*classes[:3], *(["..."] if len(classes) > 3 else [])])
    return DataError(what, where=f"the {'quantities' if kind == 'number' else 'classes'} {shown}", remedy=remedy)

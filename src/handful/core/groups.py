"""Groups of samples, such as the views or frames of one object, and means over them."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from handful.core.dataset import Dataset
from handful.errors import DataError, by_interface, option


def refuse_without_groups(*parts: Dataset) -> None:
    """Refuse images of which none has a group.

    Raises:
        DataError: says how groups are given.
    """
    if not any(part.groups for part in parts):
        raise DataError(
            "no image has a group",
            where=by_interface(command="--per-group", python="groups"),
            remedy=f"give a table, and name its column that says which object an image shows: "
            f"{option('columns', {'group': 'NAME'})}.",
        )


def group_index(names: Sequence[str]) -> tuple[tuple[str, ...], Int[np.ndarray, " n"]]:
    """The groups in order of their first sample, and the number of each sample's group."""
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return tuple(numbers), np.array([numbers[name] for name in names], dtype=np.int64)


def group_means(
    values: Float[np.ndarray, "n k"], index: Int[np.ndarray, " n"], groups: int
) -> Float[np.ndarray, "g k"]:
    """The mean row of each group.

    Args:
        values: a row for each sample.
        index: the number of each row's group.
        groups: how many there are; each has a row.
    """
    sums = np.zeros((groups, values.shape[1]), dtype=np.float64)
    np.add.at(sums, index, values)
    return np.asarray(sums / np.bincount(index, minlength=groups)[:, None])

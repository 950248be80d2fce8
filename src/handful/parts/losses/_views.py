"""What losses on further views share: values of the rows that a view shows, and a weight that rises."""

import math

from jaxtyping import Float, Int
from torch import Tensor

from handful.core.tensors import Batch


def view_values(batch: Batch, rows: Int[Tensor, " m"], values: Float[Tensor, " m"]) -> Float[Tensor, " n"]:
    """One value per image of the batch: `values` in the rows that a view shows, 0 in the others."""
    return values.new_zeros(len(batch.labels)).index_copy(0, rows, values)


def ramp_up(progress: float, rise: float) -> float:
    """The sigmoid-shaped ramp exp(-5 (1 - t)^2) of Laine and Aila 2017, https://arxiv.org/abs/1610.02242.

    Args:
        progress: share of the stage that is done.
        rise: share over which the ramp rises to 1; 0: it is 1 from the start.
    """
    t = min(1.0, progress / rise) if rise > 0 else 1.0
    return math.exp(-5 * (1 - t) ** 2)

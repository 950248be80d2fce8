"""What losses on further views share: predictions and values of the rows that a view shows, and a rising weight."""

import math

from jaxtyping import Float, Int
from torch import Tensor

from handful.core.tensors import Batch
from handful.models.link import Softmax


def view_values(batch: Batch, rows: Int[Tensor, " m"], values: Float[Tensor, " m"]) -> Float[Tensor, " n"]:
    """One value per image of the batch: `values` in the rows that a view shows, 0 in the others."""
    return values.new_zeros(len(batch.labels)).index_copy(0, rows, values)


def among_candidates(predictions: Float[Tensor, "m k"], batch: Batch, rows: Int[Tensor, " m"]) -> Float[Tensor, "m k"]:
    """Probabilities of the rows that a view shows, among its candidates of an image that has such."""
    return Softmax().among_candidates(predictions, None if batch.candidates is None else batch.candidates[rows])


def ramp_up(progress: float, rise: float) -> float:
    """The sigmoid-shaped ramp exp(-5 (1 - t)^2) of Laine and Aila 2017, https://arxiv.org/abs/1610.02242.

    Args:
        progress: share of the stage that is done.
        rise: share over which the ramp rises to 1; 0: it is 1 from the start.
    """
    t = min(1.0, progress / rise) if rise > 0 else 1.0
    return math.exp(-5 * (1 - t) ** 2)

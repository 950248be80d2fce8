"""Weights of numbers by their density: rare values count for more (Yang et al. 2021, https://arxiv.org/abs/2102.09554).

Label distribution smoothing, section 3.1: values are near others in meaning, so that a value's frequency is that of
its neighborhood. The density of the training images' values is estimated by a normal kernel; the paper's histogram,
smoothed by one, is this on a grid. A value's weight is 1 / density, or its square root, with a mean of 1 over the
training images.
"""

from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.models.link import Linear

DensityWeighting = Literal["none", "square_root", "inverse"]


class DensityWeights(nn.Module):
    """Weight of each value of each quantity.

    Args:
        values: of the training images, in units of their deviation; NaN where not known.
        bandwidth: of the kernel, in deviations.
        power: of 1 / density.
    """

    values: Tensor
    scale: Tensor

    def __init__(self, values: Float[Tensor, "m k"], bandwidth: float, power: float) -> None:
        super().__init__()
        self.bandwidth, self.power = bandwidth, power
        self.register_buffer("values", values, persistent=False)
        self.register_buffer("scale", torch.ones(values.shape[1]), persistent=False)
        known = ~values.isnan()
        means = (self(values.nan_to_num(), known) * known).sum(dim=0) / known.sum(dim=0).clamp_min(1)
        self.scale = torch.where(means > 0, means, torch.ones_like(means)).reciprocal()

    def forward(self, values: Float[Tensor, "n k"], known: Bool[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """The weights of these values, 0 where they are not known."""
        distance = (values[:, None] - self.values.nan_to_num()[None]) / self.bandwidth
        kernel = (-distance.square() / 2).exp() * ~self.values.isnan()[None]
        density = kernel.sum(dim=1) / (~self.values.isnan()).sum(dim=0).clamp_min(1)
        return density.clamp_min(1e-6) ** -self.power * self.scale * known


def density_weights(context: Context, weighting: DensityWeighting, bandwidth: float | None) -> DensityWeights | None:
    """Weights from the training images; None: all count alike.

    Args:
        context: gives the training images and the scale of their numbers.
        weighting: "none", "square_root" or "inverse".
        bandwidth: of the kernel, in deviations of the numbers; None: Scott's rule, n to the power of -1/5.

    Raises:
        ValueError: another weighting, or a bandwidth that is not above 0.
    """
    if weighting not in get_args(DensityWeighting):
        raise ValueError(f"reweight must be one of {', '.join(get_args(DensityWeighting))}, not {weighting!r}")
    if bandwidth is not None and not 0 < bandwidth < np.inf:
        raise ValueError(f"bandwidth must be above 0, not {bandwidth!r}")
    if weighting == "none":
        return None
    assert context.data is not None, "a training has images"
    assert context.task.scale is not None, "recipes are checked against the kind of the data"
    targets = torch.from_numpy(context.data.targets())
    values = Linear(context.task.scale).logits(targets)
    width = max(1, len(values)) ** -0.2 if bandwidth is None else bandwidth
    return DensityWeights(values, width, 1.0 if weighting == "inverse" else 0.5)

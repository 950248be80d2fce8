"""GridMask: a regular grid of squares is erased (Chen et al. 2020, https://arxiv.org/abs/2001.04086)."""

from collections.abc import Sequence
from typing import get_args

import torch
from jaxtyping import Bool
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._erase import Paint, erase
from handful.parts.augment._part import Augment, bernoulli, check_choice, check_number, check_range, uniform

erases_pixels = True


def build(
    _context: Context,
    *,
    ratio: float = 0.6,
    unit: Sequence[float] = (96 / 224, 1.0),
    paint: Paint = "mean",
    probability: float = 0.8,
) -> Augment:
    """Erase one square in each cell of a grid with a random offset; pixel labels there become -1 (ignore).

    The defaults are the paper's for ImageNet. The paper raises the probability during training; a recipe can delay the
    part by its `start` instead. The paper's optional rotation of the grid is left out.

    Args:
        ratio: share of a cell's side that is kept; the erased share of the image is (1 - ratio) squared.
        unit: smallest and largest side of a cell as a share of the image's shorter side, uniform between.
        paint: "mean", the image's mean color, "black" or "noise".
        probability: chance that a grid of an image is erased.

    Raises:
        ValueError: an option is out of range, or no such paint.
    """
    check_number("ratio", ratio, 0.0, 1.0)
    cell_sizes = check_range("unit", unit, 0.01, 2.0)
    check_number("probability", probability, 0.0, 1.0)
    check_choice("paint", paint, get_args(Paint))

    def gridmask(batch: Batch, generator: torch.Generator) -> Batch:
        images = batch.images
        h, w = images.shape[-2:]
        erased = bernoulli(images, generator, probability)
        cell = (uniform(images, generator, *cell_sizes) * min(h, w)).round().clamp(min=2)
        gap = (cell * (1 - ratio)).round()

        def in_gap(side: int) -> Bool[Tensor, "n side"]:
            offset = (uniform(images, generator, 0.0, 1.0) * cell).floor()
            position = torch.arange(side, device=images.device) + offset[:, None]
            return position.remainder(cell[:, None]) < gap[:, None]

        rows, columns = in_gap(h), in_gap(w)
        return erase(batch, rows[:, :, None] & columns[:, None, :] & erased[:, None, None], paint, generator)

    return gridmask

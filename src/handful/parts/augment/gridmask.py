"""GridMask: a lattice of squares is painted over (Chen et al. 2020, https://arxiv.org/abs/2001.04086)."""

from collections.abc import Sequence
from typing import get_args

import torch
from jaxtyping import Bool
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._erase import Paint, erase
from handful.parts.augment._part import Augment, chosen, one_of, span, uniform, within

erases_pixels = True


def build(
    _context: Context,
    *,
    ratio: float = 0.6,
    unit: Sequence[float] = (96 / 224, 1.0),
    paint: Paint = "mean",
    probability: float = 0.8,
) -> Augment:
    """Paint over one square in each cell of a lattice with a random offset; pixel labels there become -1 (ignore).

    The amounts are the paper's on ImageNet. It raises the probability over training, which a recipe can have by
    the part's `start`; its optional turn of the lattice is left out.

    Args:
        ratio: share of a cell's side that stays; (1 - ratio) squared of the image is erased.
        unit: smallest and largest side of a cell, as a share of the image's shorter side, uniform between.
        paint: "mean", the image's mean color, "black" or "noise".
        probability: chance that an image gets a lattice.

    Raises:
        ValueError: an amount out of range, or no such paint.
    """
    within("ratio", ratio, 0.0, 1.0)
    sizes = span("unit", unit, 0.01, 2.0)
    within("probability", probability, 0.0, 1.0)
    one_of("paint", paint, get_args(Paint))

    def gridmask(batch: Batch, generator: torch.Generator) -> Batch:
        images = batch.images
        h, w = images.shape[-2:]
        hit = chosen(images, generator, probability)
        cell = (uniform(images, generator, *sizes) * min(h, w)).round().clamp(min=2)
        gap = (cell * (1 - ratio)).round()

        def lines(length: int) -> Bool[Tensor, "n length"]:
            start = (uniform(images, generator, 0.0, 1.0) * cell).floor()
            place = torch.arange(length, device=images.device) + start[:, None]
            return place.remainder(cell[:, None]) < gap[:, None]

        down, across = lines(h), lines(w)
        return erase(batch, down[:, :, None] & across[:, None, :] & hit[:, None, None], paint, generator)

    return gridmask

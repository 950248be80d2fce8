"""Cutout: a square of each image is painted over (DeVries and Taylor 2017, https://arxiv.org/abs/1708.04552)."""

from typing import get_args

import torch

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._boxes import centered
from handful.parts.augment._erase import Paint, erase
from handful.parts.augment._part import Augment, chosen, one_of, within

erases_pixels = True


def build(_context: Context, *, side: float = 0.5, paint: Paint = "mean", probability: float = 1.0) -> Augment:
    """Paint over a square about a pixel drawn anywhere; the pixel labels there become -1 (ignore).

    What reaches over the edge is cut off, so the erased area varies.

    Args:
        side: of the square, as a share of the image's shorter side; the paper's 16 and 8 of 32 pixels on CIFAR-10
            and CIFAR-100 are 0.5 and 0.25.
        paint: "mean", the image's mean color (the paper paints with the data set's), "black" or "noise".
        probability: chance that an image loses a square.

    Raises:
        ValueError: an amount out of range, or no such paint.
    """
    within("side", side, 0.01, 1.5)
    within("probability", probability, 0.0, 1.0)
    one_of("paint", paint, get_args(Paint))

    def cutout(batch: Batch, generator: torch.Generator) -> Batch:
        n, _, h, w = batch.images.shape
        pixels = max(1, round(side * min(h, w)))
        length = torch.full((n,), pixels, device=batch.images.device) * chosen(batch.images, generator, probability)
        return erase(batch, centered(length, length, h, w, generator).mask(h, w), paint, generator)

    return cutout

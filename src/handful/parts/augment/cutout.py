"""Cutout: a square of each image is erased (DeVries and Taylor 2017, https://arxiv.org/abs/1708.04552)."""

from typing import get_args

import torch

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._boxes import centered_boxes
from handful.parts.augment._erase import Paint, erase
from handful.parts.augment._part import Augment, bernoulli, check_choice, check_number

erases_pixels = True


def build(_context: Context, *, side: float = 0.5, paint: Paint = "mean", probability: float = 1.0) -> Augment:
    """Erase a square whose center is any pixel; the pixel labels there become -1 (ignore).

    The square is clipped at the image's edges, so the erased area varies.

    Args:
        side: side of the square as a share of the image's shorter side; the paper's 16 and 8 of 32 pixels on CIFAR-10
            and CIFAR-100 are 0.5 and 0.25.
        paint: "mean", the image's mean color (the paper takes that of the data set), "black" or "noise".
        probability: chance that a square of an image is erased.

    Raises:
        ValueError: an option is out of range, or no such paint.
    """
    check_number("side", side, 0.01, 1.5)
    check_number("probability", probability, 0.0, 1.0)
    check_choice("paint", paint, get_args(Paint))

    def cutout(batch: Batch, generator: torch.Generator) -> Batch:
        n, _, h, w = batch.images.shape
        pixels = max(1, round(side * min(h, w)))
        length = torch.full((n,), pixels, device=batch.images.device) * bernoulli(batch.images, generator, probability)
        return erase(batch, centered_boxes(length, length, h, w, generator).mask(h, w), paint, generator)

    return cutout

"""Random erasing: a box of each image is painted over (Zhong et al. 2020, https://arxiv.org/abs/1708.04896)."""

from collections.abc import Sequence
from typing import get_args

import torch

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._boxes import fitting
from handful.parts.augment._erase import Paint, erase
from handful.parts.augment._part import Augment, chosen, one_of, span, within

erases_pixels = True


def build(
    _context: Context,
    *,
    probability: float = 0.5,
    scale: Sequence[float] = (0.02, 0.4),
    ratio: Sequence[float] = (0.3, 1 / 0.3),
    paint: Paint = "noise",
) -> Augment:
    """Paint over a box that lies inside the image; the pixel labels there become -1 (ignore).

    Args:
        probability: chance that an image loses a box.
        scale: smallest and largest share of the image's area, uniform between.
        ratio: smallest and largest width / height in pixels, log-uniform between; of ten boxes drawn the first
            that fits is taken, and an image that none fits stays whole.
        paint: "noise", uniform per pixel (the paper's best), "mean", the image's mean color, or "black".

    Raises:
        ValueError: an amount out of range, or no such paint.
    """
    within("probability", probability, 0.0, 1.0)
    sizes, shapes = span("scale", scale, 0.001, 1.0), span("ratio", ratio, 0.1, 10.0)
    one_of("paint", paint, get_args(Paint))

    def random_erasing(batch: Batch, generator: torch.Generator) -> Batch:
        n, _, h, w = batch.images.shape
        boxes, _ = fitting(n, h, w, generator, scale=sizes, ratio=shapes)
        hit = chosen(batch.images, generator, probability)
        return erase(batch, boxes.mask(h, w) & hit[:, None, None], paint, generator)

    return random_erasing

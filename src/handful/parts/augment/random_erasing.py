"""Random erasing: a box of each image is erased (Zhong et al. 2020, https://arxiv.org/abs/1708.04896)."""

from collections.abc import Sequence
from typing import get_args

import torch

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._boxes import inner_boxes
from handful.parts.augment._erase import Paint, erase
from handful.parts.augment._part import Augment, bernoulli, check_choice, check_number, check_range

erases_pixels = True


def build(
    _context: Context,
    *,
    probability: float = 0.5,
    scale: Sequence[float] = (0.02, 0.4),
    ratio: Sequence[float] = (0.3, 1 / 0.3),
    paint: Paint = "noise",
) -> Augment:
    """Erase a box that lies inside the image; the pixel labels there become -1 (ignore).

    Args:
        probability: chance that a box of an image is erased.
        scale: smallest and largest share of the image's area, uniform between.
        ratio: smallest and largest width / height in pixels, log-uniform between. The first of ten boxes
            drawn that fits is erased; nothing is erased where none fits.
        paint: "noise", uniform per pixel (the paper's best), "mean", the image's mean color, or "black".

    Raises:
        ValueError: an option is out of range, or no such paint.
    """
    check_number("probability", probability, 0.0, 1.0)
    scales, ratios = check_range("scale", scale, 0.001, 1.0), check_range("ratio", ratio, 0.1, 10.0)
    check_choice("paint", paint, get_args(Paint))

    def random_erasing(batch: Batch, generator: torch.Generator) -> Batch:
        n, _, h, w = batch.images.shape
        boxes, _ = inner_boxes(n, h, w, generator, scale=scales, ratio=ratios)
        erased = bernoulli(batch.images, generator, probability)
        return erase(batch, boxes.mask(h, w) & erased[:, None, None], paint, generator)

    return random_erasing

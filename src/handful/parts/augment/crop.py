"""Random crop and resize, as the CvS baselines use (section V-C), or the padded crop usual on CIFAR.

Crops are drawn as for Inception (Szegedy et al. 2015), whose smallest area, 0.08 of the image, rarely shows enough of a
small image: the default here is larger.
"""

import math
from collections.abc import Sequence
from typing import get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._part import Augment, bernoulli, check_choice, check_number, check_range, uniform
from handful.parts.augment._warp import Fill, resample


def build(
    _context: Context,
    *,
    scale: Sequence[float] = (0.5, 1.0),
    ratio: Sequence[float] = (0.75, 4 / 3),
    padding: float = 0.0,
    fill: Fill = "zeros",
    probability: float = 1.0,
) -> Augment:
    """Crop each image and its pixel labels at random, and resize the crop to the image's size.

    A crop that is wider or higher than the image is clipped to its side.

    Args:
        scale: smallest and largest share of the image's area, uniform between.
        ratio: smallest and largest width / height relative to the image's own, log-uniform between.
        padding: above 0, the image is padded by this share of the side (0.125: 4 of 32 pixels) and a crop of the
            image's size is taken at whole pixels, without resizing; `scale` and `ratio` are then unused.
        fill: values of the padding, as in `affine`.
        probability: chance that an image is cropped.

    Raises:
        ValueError: an option is out of range.
    """
    min_area, max_area = check_range("scale", scale, 0.01, 1.0)
    min_ratio, max_ratio = check_range("ratio", ratio, 0.1, 10.0)
    check_number("padding", padding, 0.0, 1.0)
    check_number("probability", probability, 0.0, 1.0)
    check_choice("fill", fill, get_args(Fill))

    def crop(batch: Batch, generator: torch.Generator) -> Batch:
        images = batch.images
        n, _, h, w = images.shape
        applied = bernoulli(images, generator, probability).to(images)  # 0: the image is not cropped
        x, y = uniform(images, generator, -1.0, 1.0), uniform(images, generator, -1.0, 1.0)
        if padding > 0:
            width = height = torch.ones_like(x)
            x, y = _whole_pixels(x, padding, w) * applied, _whole_pixels(y, padding, h) * applied
        else:
            area_root = uniform(images, generator, min_area, max_area).sqrt()
            ratio_root = (uniform(images, generator, math.log(min_ratio), math.log(max_ratio)) / 2.0).exp()
            width = 1 + ((area_root * ratio_root).clamp(max=1) - 1) * applied
            height = 1 + ((area_root / ratio_root).clamp(max=1) - 1) * applied
            x, y = x * (1 - width), y * (1 - height)
        zero = torch.zeros_like(x)
        rows = torch.stack((width, zero, x, zero, height, y), dim=1)
        grid = F.affine_grid(rows.view(n, 2, 3), [n, 1, h, w], align_corners=False)
        return resample(batch, grid, fill)

    return crop


def _whole_pixels(position: Float[Tensor, " n"], padding: float, side: int) -> Float[Tensor, " n"]:
    """Compute a shift by whole pixels, at most round(padding * side), in grid units, from a position in [-1, 1)."""
    largest = round(padding * side)
    return ((position + 1) / 2 * (2 * largest + 1)).floor().sub(largest) * (2 / side)

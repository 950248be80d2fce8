"""Random crop and resize, as the CvS baselines use (section V-C), or the padded crop usual on CIFAR.

The window is drawn as in Inception (Szegedy et al. 2015); its smallest window, 0.08 of the area, rarely holds
enough of a small image, so the default here is larger.
"""

import math
from collections.abc import Sequence
from typing import get_args

import torch
import torch.nn.functional as F

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
    """Cut a window of its own from each image and its pixel labels, and resize it to the image's size.

    The window lies inside the image: one that is too wide or too high is cut to the side.

    Args:
        scale: smallest and largest share of the image's area, uniform between.
        ratio: smallest and largest width / height relative to the image's own, log-uniform between.
        padding: when above 0, no resizing: the image is padded by this share of the side (0.125 is 4 of 32
            pixels) and a window of the image's size is cut at a whole pixel. `scale` and `ratio` are unused.
        fill: what the padding holds, as in `affine`.
        probability: chance that an image is cropped.

    Raises:
        ValueError: an amount out of range.
    """
    low, high = check_range("scale", scale, 0.01, 1.0)
    narrow, wide = check_range("ratio", ratio, 0.1, 10.0)
    check_number("padding", padding, 0.0, 1.0)
    check_number("probability", probability, 0.0, 1.0)
    check_choice("fill", fill, get_args(Fill))

    def crop(batch: Batch, generator: torch.Generator) -> Batch:
        images = batch.images
        n, _, h, w = images.shape
        cut = bernoulli(images, generator, probability).to(images)  # 0 leaves an image as it is
        x, y = uniform(images, generator, -1.0, 1.0), uniform(images, generator, -1.0, 1.0)
        if padding > 0:
            width = height = torch.ones_like(x)
            x, y = _whole(x, padding, w) * cut, _whole(y, padding, h) * cut
        else:
            root = uniform(images, generator, low, high).sqrt()
            shape = (uniform(images, generator, math.log(narrow), math.log(wide)) / 2.0).exp()
            width = 1 + ((root * shape).clamp(max=1) - 1) * cut
            height = 1 + ((root / shape).clamp(max=1) - 1) * cut
            x, y = x * (1 - width), y * (1 - height)
        zero = torch.zeros_like(x)
        rows = torch.stack((width, zero, x, zero, height, y), dim=1)
        grid = F.affine_grid(rows.view(n, 2, 3), [n, 1, h, w], align_corners=False)
        return resample(batch, grid, fill)

    return crop


def _whole(place: torch.Tensor, padding: float, side: int) -> torch.Tensor:
    """A place in [-1, 1) as a shift by whole pixels, up to round(padding * side), in grid units."""
    most = round(padding * side)
    return ((place + 1) / 2 * (2 * most + 1)).floor().sub(most) * (2 / side)

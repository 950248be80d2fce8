"""Random color jitter: brightness, contrast, saturation and hue, as CvS uses on CIFAR (section V-C).

The amounts are those usual for a color jitter on CIFAR; the paper gives none. All of it is one matrix per
image: hue turns the IQ plane of YIQ about the gray axis, in place of a detour through HSV.
"""

import math
from dataclasses import replace
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._part import Augment, bernoulli, check_number, uniform


def build(
    _context: Context,
    *,
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.4,
    hue: float = 0.05,
    probability: float = 0.8,
) -> Augment:
    """Distort the colors of each image and clip to [0, 1]; pixel labels stay, and a gray image stays gray.

    In this order: contrast about the image's mean luma, brightness, then saturation and hue.

    Args:
        brightness: the factor is uniform in [1 - brightness, 1 + brightness].
        contrast: likewise, of the distance to the image's mean luma.
        saturation: likewise, of the distance to gray.
        hue: share of a full turn of the color circle, uniform in [-hue, hue].
        probability: chance that an image is distorted.

    Raises:
        ValueError: an amount out of range.
    """
    for name, value in (("brightness", brightness), ("contrast", contrast), ("saturation", saturation)):
        check_number(name, value, 0.0, 1.0)
    check_number("hue", hue, 0.0, 0.5)
    check_number("probability", probability, 0.0, 1.0)

    def color_jitter(batch: Batch, generator: torch.Generator) -> Batch:
        images = batch.images
        n, _, h, w = images.shape
        amount = bernoulli(images, generator, probability).to(images)
        bright, strong, vivid = (
            1 + uniform(images, generator, -most, most) * amount for most in (brightness, contrast, saturation)
        )
        angle = uniform(images, generator, -hue, hue) * (2.0 * math.pi) * amount
        weights, turned = _color_axes(images.device)
        gray = weights.expand(3, 3)
        cos, sin = ((vivid * f).view(n, 1, 1) for f in (angle.cos(), angle.sin()))
        mix = gray + cos * (torch.eye(3, device=images.device) - gray) + sin * turned
        mix = mix * (bright * strong).view(n, 1, 1)
        middle = (images.mean(dim=(2, 3)) @ weights) * bright * (1 - strong)
        pixels = images.permute(0, 2, 3, 1).reshape(n, h * w, 3)
        out = torch.baddbmm(middle.view(n, 1, 1), pixels, mix.mT).clamp_(0, 1)
        return replace(batch, images=out.view(n, h, w, 3).permute(0, 3, 1, 2))

    return color_jitter


@lru_cache(maxsize=8)
def _color_axes(device: torch.device) -> tuple[Float[Tensor, "3"], Float[Tensor, "3 3"]]:
    """Luma weights, and the matrix that turns the color part of an RGB value by a quarter circle."""
    yiq = torch.tensor(
        ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112)), dtype=torch.float64
    )
    quarter = torch.tensor(((0, 0, 0), (0, 0, -1), (0, 1, 0)), dtype=torch.float64)
    turned = torch.linalg.inv(yiq) @ quarter @ yiq
    return yiq[0].float().to(device), turned.float().to(device)

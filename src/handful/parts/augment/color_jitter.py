"""Random color jitter: brightness, contrast, saturation and hue, as CvS uses on CIFAR (section V-C).

The defaults are usual on CIFAR; the paper gives none. The four are one affine map of colors per image: hue is a
rotation of the IQ plane in YIQ space, rather than a shift in HSV.
"""

import math
from dataclasses import replace
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from handful.core.color import LUMA
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
    """Change the colors of each image and clip it to [0, 1]; pixel labels are unchanged, and gray images remain gray.

    Order: contrast, brightness, then saturation and hue.

    Args:
        brightness: the factor of all values is uniform in [1 - brightness, 1 + brightness].
        contrast: the factor of the difference to the image's mean luma is uniform in [1 - contrast, 1 + contrast].
        saturation: the factor of the difference to gray is uniform in [1 - saturation, 1 + saturation].
        hue: the shift, as a share of the color circle, is uniform in [-hue, hue].
        probability: chance that an image is changed.

    Raises:
        ValueError: an option is out of range.
    """
    for name, value in (("brightness", brightness), ("contrast", contrast), ("saturation", saturation)):
        check_number(name, value, 0.0, 1.0)
    check_number("hue", hue, 0.0, 0.5)
    check_number("probability", probability, 0.0, 1.0)

    def color_jitter(batch: Batch, generator: torch.Generator) -> Batch:
        images = batch.images
        n, _, h, w = images.shape
        applied = bernoulli(images, generator, probability).to(images)  # 0: the image is not changed
        brightness_factor, contrast_factor, saturation_factor = (
            1 + uniform(images, generator, -largest, largest) * applied
            for largest in (brightness, contrast, saturation)
        )
        angle = uniform(images, generator, -hue, hue) * (2.0 * math.pi) * applied
        luma_weights, quarter_turn = _luma_and_hue(images.device)
        gray = luma_weights.expand(3, 3)
        cos, sin = ((saturation_factor * f).view(n, 1, 1) for f in (angle.cos(), angle.sin()))
        matrix = gray + cos * (torch.eye(3, device=images.device) - gray) + sin * quarter_turn
        matrix = matrix * (brightness_factor * contrast_factor).view(n, 1, 1)
        offset = (images.mean(dim=(2, 3)) @ luma_weights) * brightness_factor * (1 - contrast_factor)
        pixels = images.permute(0, 2, 3, 1).reshape(n, h * w, 3)
        jittered = torch.baddbmm(offset.view(n, 1, 1), pixels, matrix.mT).clamp_(0, 1)
        return replace(batch, images=jittered.view(n, h, w, 3).permute(0, 3, 1, 2))

    return color_jitter


@lru_cache(maxsize=8)
def _luma_and_hue(device: torch.device) -> tuple[Float[Tensor, "3"], Float[Tensor, "3 3"]]:
    """Luma weights, and the matrix that removes the luma of an RGB value and rotates its hue by 90 degrees."""
    yiq = torch.tensor((LUMA, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112)), dtype=torch.float64)
    rotation = torch.tensor(((0, 0, 0), (0, 0, -1), (0, 1, 0)), dtype=torch.float64)
    quarter_turn = torch.linalg.inv(yiq) @ rotation @ yiq
    return yiq[0].float().to(device), quarter_turn.float().to(device)

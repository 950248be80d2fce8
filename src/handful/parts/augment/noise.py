"""Gaussian pixel noise, as CvS adds on MNIST (section V-C; the paper gives no amount)."""

from dataclasses import replace

import torch

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._part import Augment, chosen, uniform, within

_GRAY = 1e-3  # channels nearer than this are equal: a quarter of an 8-bit step


def build(_context: Context, *, std: float = 0.1, probability: float = 1.0) -> Augment:
    """Add noise to each image and clip to [0, 1]; pixel labels stay.

    A gray image (three equal channels) gets the same noise in all three and stays gray.

    Args:
        std: largest standard deviation on the scale 0 to 1; an image's own is uniform in [0, std].
        probability: chance that an image gets noise.

    Raises:
        ValueError: an amount out of range.
    """
    within("std", std, 0.0, 1.0)
    within("probability", probability, 0.0, 1.0)

    def noise(batch: Batch, generator: torch.Generator) -> Batch:
        images = batch.images
        n, c, h, w = images.shape
        level = uniform(images, generator, 0.0, std) * chosen(images, generator, probability)
        # Drawn channels-last, as the images lie.
        drawn = torch.randn(n, h, w, c, generator=generator, device=images.device).permute(0, 3, 1, 2)
        color = (images - images[:, :1]).abs().amax(dim=(1, 2, 3), keepdim=True)
        drawn = torch.where(color < _GRAY, drawn[:, :1], drawn)
        noisy = images + drawn * level.view(n, 1, 1, 1)
        return replace(batch, images=noisy.clamp_(0, 1).contiguous(memory_format=torch.channels_last))

    return noise

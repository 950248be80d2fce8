"""Gaussian pixel noise, as CvS adds on MNIST (section V-C; the paper gives no value)."""

from dataclasses import replace

import torch

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._part import Augment, bernoulli, check_number, is_gray, uniform


def build(_context: Context, *, std: float = 0.1, probability: float = 1.0) -> Augment:
    """Add Gaussian noise to each image and clip it to [0, 1]; pixel labels are unchanged.

    A gray image (three equal channels) gets the same noise in all three and stays gray.

    Args:
        std: largest standard deviation, in units of the image's range [0, 1]; each image's is uniform in [0, std].
        probability: chance that an image gets noise.

    Raises:
        ValueError: an option is out of range.
    """
    check_number("std", std, 0.0, 1.0)
    check_number("probability", probability, 0.0, 1.0)

    def noise(batch: Batch, generator: torch.Generator) -> Batch:
        images = batch.images
        n, c, h, w = images.shape
        stds = uniform(images, generator, 0.0, std) * bernoulli(images, generator, probability)
        # Drawn in the images' memory format, channels last.
        values = torch.randn(n, h, w, c, generator=generator, device=images.device).permute(0, 3, 1, 2)
        values = torch.where(is_gray(images), values[:, :1], values)
        noisy = images + values * stds.view(n, 1, 1, 1)
        return replace(batch, images=noisy.clamp_(0, 1).contiguous(memory_format=torch.channels_last))

    return noise

"""Mixup: the weighted mean of two images (Zhang et al. 2018, https://arxiv.org/abs/1710.09412)."""

from dataclasses import replace

import torch

from handful.core.context import Context
from handful.core.tensors import IGNORE, Batch
from handful.parts.augment._mix import mix_index, mix_known, mix_labels, mix_weights, mixing_weights, partners
from handful.parts.augment._part import Augment, bernoulli, check_number

mixes_images = True


def build(_context: Context, *, probability: float = 1.0, alpha: float = 0.2) -> Augment:
    """Replace each image and its target by the weighted mean with another one of the batch.

    The label is that of the image with the larger weight. A pixel has one label, so where the two images' pixel labels
    differ it becomes -1 (ignore), whatever the weights; images that are not mixed keep theirs. Each image has its own
    weight and partner (the paper draws one weight per batch).

    Args:
        probability: chance that an image is mixed.
        alpha: of the Beta distribution of the weights; with small values one image of the two mostly prevails.

    Raises:
        ValueError: an option is out of range.
    """
    check_number("probability", probability, 0.0, 1.0)
    check_number("alpha", alpha, 0.01, 100.0)

    def mixup(batch: Batch, generator: torch.Generator) -> Batch:
        images, maps = batch.images, batch.pixel_labels
        mix = bernoulli(images, generator, probability)
        weight = torch.where(mix, mixing_weights(len(images), alpha, generator), 1.0)
        partner = partners(len(images), generator)
        labels, targets = mix_labels(batch, partner, weight)
        factor = weight.to(images).view(-1, 1, 1, 1)
        mixed = images * factor + images[partner] * (1 - factor)
        differ = (maps != maps[partner]) & mix[:, None, None]
        return replace(
            batch,
            images=mixed.clamp_(0, 1).contiguous(memory_format=torch.channels_last),
            labels=labels,
            targets=targets,
            index=mix_index(batch, partner, weight),
            known=mix_known(batch, partner, weight),
            weights=mix_weights(batch, partner, weight),
            pixel_labels=maps.masked_fill(differ, IGNORE),
        )

    return mixup

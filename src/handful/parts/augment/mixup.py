"""Mixup: the weighted mean of two images (Zhang et al. 2018, https://arxiv.org/abs/1710.09412)."""

from dataclasses import replace

import torch

from handful.core.context import Context
from handful.core.tensors import IGNORE, Batch
from handful.parts.augment._mix import mixed_labels, partners, shares
from handful.parts.augment._part import Augment, chosen, within

mixes_images = True


def build(_context: Context, *, probability: float = 1.0, alpha: float = 0.2) -> Augment:
    """Blend each image with another one of the batch; targets are blended alike.

    The label is that of the larger share. A pixel has one label, so where the two images' pixel labels differ
    it becomes -1 (ignore), whatever the shares; an image that is not mixed keeps its own. Each image has its own draw
    and partner (the paper draws once per batch).

    Args:
        probability: chance that an image is mixed.
        alpha: the image's own share is drawn from Beta(alpha, alpha); small values leave most images nearly pure.

    Raises:
        ValueError: an amount out of range.
    """
    within("probability", probability, 0.0, 1.0)
    within("alpha", alpha, 0.01, 100.0)

    def mixup(batch: Batch, generator: torch.Generator) -> Batch:
        images, maps = batch.images, batch.pixel_labels
        mix = chosen(images, generator, probability)
        own = torch.where(mix, shares(len(images), alpha, generator), 1.0)
        partner = partners(len(images), generator)
        labels, targets = mixed_labels(batch, partner, own)
        weight = own.to(images).view(-1, 1, 1, 1)
        mixed = images * weight + images[partner] * (1 - weight)
        differ = (maps != maps[partner]) & mix[:, None, None]
        return replace(
            batch,
            images=mixed.clamp_(0, 1).contiguous(memory_format=torch.channels_last),
            labels=labels,
            targets=targets,
            pixel_labels=maps.masked_fill(differ, IGNORE),
        )

    return mixup

"""CutMix: a box of another image, pasted in (Yun et al. 2019, https://arxiv.org/abs/1905.04899).

VIPF uses it with probability 0.5 (section 4.1, table 4).
"""

from dataclasses import replace

import torch

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._boxes import centered
from handful.parts.augment._mix import mixed_labels, partners, shares
from handful.parts.augment._part import Augment, chosen, within

mixes_images = True


def build(_context: Context, *, probability: float = 0.5, alpha: float = 1.0) -> Augment:
    """Paste a box of another image of the batch into an image.

    The box has the image's aspect and 1 - Beta(alpha, alpha) of its area, about a pixel drawn anywhere, and what
    reaches over the edge is cut off. Targets are mixed by the area that was left to each; the label is that of the
    larger one. Pixel labels are cut with the image, so one map can hold two classes; pixels that come from an image
    without a mask are -1. Each image has its own draw, box and partner (the paper draws once per batch).

    Args:
        probability: chance that an image gets a box.
        alpha: of the Beta distribution; 1 is uniform.

    Raises:
        ValueError: an amount out of range.
    """
    within("probability", probability, 0.0, 1.0)
    within("alpha", alpha, 0.01, 100.0)

    def cutmix(batch: Batch, generator: torch.Generator) -> Batch:
        images, maps = batch.images, batch.pixel_labels
        n, _, h, w = images.shape
        side = (1 - shares(n, alpha, generator)).sqrt() * chosen(images, generator, probability)
        boxes = centered((side * h).long(), (side * w).long(), h, w, generator)
        partner, pasted = partners(n, generator), boxes.mask(h, w)
        own = 1 - pasted.float().mean(dim=(1, 2))
        labels, targets = mixed_labels(batch, partner, own)
        mixed = torch.where(pasted[:, None], images[partner], images)
        return replace(
            batch,
            images=mixed.contiguous(memory_format=torch.channels_last),
            labels=labels,
            targets=targets,
            pixel_labels=torch.where(pasted, maps[partner], maps),
        )

    return cutmix

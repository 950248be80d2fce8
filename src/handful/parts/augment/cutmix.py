"""CutMix: a box of another image is pasted in (Yun et al. 2019, https://arxiv.org/abs/1905.04899).

VIPF uses it with probability 0.5 (section 4.1, table 4).
"""

from dataclasses import replace

import torch

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._boxes import centered_boxes
from handful.parts.augment._mix import mix_index, mix_known, mix_labels, mix_weights, mixing_weights, partners
from handful.parts.augment._part import Augment, bernoulli, check_number

mixes_images = True


def build(_context: Context, *, probability: float = 0.5, alpha: float = 1.0) -> Augment:
    """Paste a box of another image of the batch into each image.

    The box has the image's aspect ratio and 1 - Beta(alpha, alpha) of its area. Its center is any pixel, and it is
    clipped at the image's edges. Targets are averaged with the visible areas as weights; the label is that of the image
    with the larger area. Pixel labels are pasted with the image, so one map can have two classes; pixels of an image
    without a mask are -1. Each image has its own box and partner (the paper draws one box per batch).

    Args:
        probability: chance that an image gets a box.
        alpha: of the Beta distribution of areas; 1 is uniform.

    Raises:
        ValueError: an option is out of range.
    """
    check_number("probability", probability, 0.0, 1.0)
    check_number("alpha", alpha, 0.01, 100.0)

    def cutmix(batch: Batch, generator: torch.Generator) -> Batch:
        images, maps = batch.images, batch.pixel_labels
        n, _, h, w = images.shape
        side = (1 - mixing_weights(n, alpha, generator)).sqrt() * bernoulli(images, generator, probability)
        boxes = centered_boxes((side * h).long(), (side * w).long(), h, w, generator)
        partner, pasted = partners(n, generator), boxes.mask(h, w)
        weight = 1 - pasted.float().mean(dim=(1, 2))
        labels, targets = mix_labels(batch, partner, weight)
        mixed = torch.where(pasted[:, None], images[partner], images)
        return replace(
            batch,
            images=mixed.contiguous(memory_format=torch.channels_last),
            labels=labels,
            targets=targets,
            index=mix_index(batch, partner, weight),
            known=mix_known(batch, partner, weight),
            weights=mix_weights(batch, partner, weight),
            pixel_labels=torch.where(pasted, maps[partner], maps),
        )

    return cutmix

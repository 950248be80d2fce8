"""Random flips. Left and right matter in digits and letters: a flip makes another sign of them."""

from dataclasses import replace

import torch

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._part import Augment, bernoulli, check_number


def build(_context: Context, *, horizontal: float = 0.5, vertical: float = 0.0) -> Augment:
    """Mirror each image and its pixel labels.

    Args:
        horizontal: chance that left and right are exchanged.
        vertical: chance that top and bottom are exchanged.

    Raises:
        ValueError: a chance outside 0 to 1.
    """
    check_number("horizontal", horizontal, 0.0, 1.0)
    check_number("vertical", vertical, 0.0, 1.0)

    def flip(batch: Batch, generator: torch.Generator) -> Batch:
        images, labels = batch.images, batch.pixel_labels
        for side, chance in ((-1, horizontal), (-2, vertical)):
            if chance > 0:
                change = bernoulli(images, generator, chance)[:, None, None]
                images = torch.where(change[..., None], images.flip(side), images)
                labels = torch.where(change, labels.flip(side), labels)
        return replace(batch, images=images.contiguous(memory_format=torch.channels_last), pixel_labels=labels)

    return flip

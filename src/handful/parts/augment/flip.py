"""Random horizontal and vertical flips; not for digits and letters, which a flip turns into other characters."""

from dataclasses import replace

import torch

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._part import Augment, bernoulli, check_number


def build(_context: Context, *, horizontal: float = 0.5, vertical: float = 0.0) -> Augment:
    """Flip each image and its pixel labels.

    Args:
        horizontal: chance that an image is flipped left to right.
        vertical: chance that an image is flipped upside down.

    Raises:
        ValueError: an option is out of range.
    """
    check_number("horizontal", horizontal, 0.0, 1.0)
    check_number("vertical", vertical, 0.0, 1.0)

    def flip(batch: Batch, generator: torch.Generator) -> Batch:
        images, labels = batch.images, batch.pixel_labels
        for axis, probability in ((-1, horizontal), (-2, vertical)):
            if probability > 0:
                flipped = bernoulli(images, generator, probability)[:, None, None]
                images = torch.where(flipped[..., None], images.flip(axis), images)
                labels = torch.where(flipped, labels.flip(axis), labels)
        return replace(batch, images=images.contiguous(memory_format=torch.channels_last), pixel_labels=labels)

    return flip

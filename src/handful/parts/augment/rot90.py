"""Rotation by multiples of 90 degrees: by chance, or by a given number of quarter turns as a further view."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._part import Augment, check_number


def build(_context: Context, *, turns: int | None = None) -> Augment:
    """Rotate each image and its pixel labels counterclockwise by quarter turns, as `torch.rot90`.

    An image that is not square is resized to its former height and width after a quarter turn.

    Args:
        turns: quarter turns, 0 to 3; None: drawn for each image, each with the same chance.

    Raises:
        ValueError: `turns` is out of range.
    """
    if turns is not None:
        check_number("turns", turns, 0, 3, whole=True)

    def rot90(batch: Batch, generator: torch.Generator) -> Batch:
        n, device = len(batch.images), batch.images.device
        if turns is None:
            drawn = torch.randint(4, (n,), generator=generator, device=device)
        else:
            drawn = torch.full((n,), turns, device=device)
        images, labels = batch.images.clone(), batch.pixel_labels.clone()
        for quarter in (1, 2, 3):
            index = (drawn == quarter).nonzero()[:, 0]
            if len(index) > 0:
                images[index] = _turned(images[index], quarter, mode="bilinear")
                maps = labels[index, None].float()  # class numbers are exact in float32
                labels[index] = _turned(maps, quarter, mode="nearest-exact")[:, 0].to(labels.dtype)
        return replace(batch, images=images.contiguous(memory_format=torch.channels_last), pixel_labels=labels)

    return rot90


def _turned(x: Tensor, quarter: int, *, mode: str) -> Tensor:
    """Rotated maps [m c h w], at the same height and width."""
    turned = torch.rot90(x, quarter, dims=(-2, -1))
    return turned if turned.shape == x.shape else F.interpolate(turned, tuple(x.shape[-2:]), mode=mode)

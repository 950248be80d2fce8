"""Erasing of pixels: their new values, and label -1 (ignore)."""

from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Bool
from torch import Tensor

from handful.core.tensors import IGNORE, Batch
from handful.parts.augment._part import is_gray

Paint = Literal["mean", "black", "noise"]


def erase(batch: Batch, mask: Bool[Tensor, "n h w"], paint: Paint, generator: torch.Generator) -> Batch:
    """Replace the pixels in the mask, and ignore them in losses on pixels: their labels become -1.

    Args:
        batch: it is not changed.
        mask: True where a pixel is erased.
        paint: "mean", the image's mean color; "black"; or "noise", uniform in [0, 1], gray on a gray image.
        generator: source of the noise.
    """
    images = batch.images
    n, c, h, w = images.shape
    if paint == "noise":
        # Drawn in the images' memory format, channels last.
        values = torch.rand(n, h, w, c, generator=generator, device=images.device).permute(0, 3, 1, 2)
        values = torch.where(is_gray(images), values[:, :1], values)
    elif paint == "mean":
        values = images.mean(dim=(2, 3), keepdim=True)
    else:
        values = images.new_zeros(())
    erased = torch.where(mask[:, None], values, images).contiguous(memory_format=torch.channels_last)
    return replace(batch, images=erased, pixel_labels=batch.pixel_labels.masked_fill(mask, IGNORE))

"""Erase pixels: what an erased pixel shows, and what its label becomes."""

from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Bool
from torch import Tensor

from handful.core.tensors import IGNORE, Batch

Paint = Literal["mean", "black", "noise"]
_GRAY = 1e-3  # channels nearer than this are equal: a quarter of an 8-bit step


def erase(batch: Batch, where: Bool[Tensor, "n h w"], paint: Paint, generator: torch.Generator) -> Batch:
    """Paint over the pixels that are True: with the image's mean color, black, or noise uniform in [0, 1].

    Their pixel labels become -1: a pixel that shows nothing of the image teaches nothing. Noise on a gray image is
    gray.
    """
    images = batch.images
    n, c, h, w = images.shape
    if paint == "noise":
        # Drawn channels-last, as the images lie.
        over = torch.rand(n, h, w, c, generator=generator, device=images.device).permute(0, 3, 1, 2)
        color = (images - images[:, :1]).abs().amax(dim=(1, 2, 3), keepdim=True)
        over = torch.where(color < _GRAY, over[:, :1], over)
    elif paint == "mean":
        over = images.mean(dim=(2, 3), keepdim=True)
    else:
        over = images.new_zeros(())
    erased = torch.where(where[:, None], over, images).contiguous(memory_format=torch.channels_last)
    return replace(batch, images=erased, pixel_labels=batch.pixel_labels.masked_fill(where, IGNORE))

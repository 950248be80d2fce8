"""Random masking: patches of each image are hidden, for a loss to predict (He et al. 2022; Xie et al. 2022).

The patches are those of a square grid, https://arxiv.org/abs/2111.06377 and https://arxiv.org/abs/2111.09886. They take
the image's mean color: convolutions need a value everywhere, where a transformer leaves hidden patches out. It comes
last, so that the hidden pixels stay where they are.
"""

from dataclasses import replace

import torch

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._erase import erase
from handful.parts.augment._part import Augment, check_number

erases_pixels = True
hides_pixels = True


def build(_context: Context, *, side: float = 0.125, share: float = 0.6) -> Augment:
    """Hide patches, whose pixel labels become -1 (ignore); the batch says which, and has the images before.

    Args:
        side: side of a patch as a share of the image's shorter side: 4 of 32 pixels.
        share: of the patches that is hidden, in each image; the papers take 0.6 and 0.75. At least one stays.

    Raises:
        ValueError: an option is out of range.
    """
    check_number("side", side, 0.01, 0.5)
    check_number("share", share, 0.01, 0.95)

    def patch_mask(batch: Batch, generator: torch.Generator) -> Batch:
        n, _, h, w = batch.images.shape
        pixels = max(1, round(side * min(h, w)))
        rows, columns = -(-h // pixels), -(-w // pixels)
        patches = rows * columns
        scores = torch.rand((n, patches), generator=generator, device=batch.images.device)
        hidden = scores.argsort(dim=1).argsort(dim=1) < min(round(share * patches), patches - 1)
        grid = hidden.view(n, rows, columns)
        mask = grid.repeat_interleave(pixels, 1).repeat_interleave(pixels, 2)[:, :h, :w]
        return replace(erase(batch, mask, "mean", generator), hidden=mask, unmasked=batch.images)

    return patch_mask

"""Random boxes, one per image, for parts that cut, erase or crop."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

_TRIES = 10  # as torchvision: boxes drawn until one fits


@dataclass(frozen=True, eq=False)
class Boxes:
    """A box per image in whole pixels: top and left, included; bottom and right, not."""

    top: Int[Tensor, " n"]
    left: Int[Tensor, " n"]
    bottom: Int[Tensor, " n"]
    right: Int[Tensor, " n"]

    def mask(self, h: int, w: int) -> Bool[Tensor, "n h w"]:
        """True inside the box; what lies outside the image is cut off."""
        rows, columns = torch.arange(h, device=self.top.device), torch.arange(w, device=self.top.device)
        down = (rows >= self.top[:, None]) & (rows < self.bottom[:, None])
        across = (columns >= self.left[:, None]) & (columns < self.right[:, None])
        return down[:, :, None] & across[:, None, :]


def centered(height: Int[Tensor, " n"], width: Int[Tensor, " n"], h: int, w: int, generator: torch.Generator) -> Boxes:
    """Boxes of these sizes about a pixel drawn anywhere in the h x w image: they may reach over its edge."""
    y = torch.randint(h, height.shape, generator=generator, device=height.device)
    x = torch.randint(w, width.shape, generator=generator, device=width.device)
    top, left = y - height // 2, x - width // 2
    return Boxes(top, left, top + height, left + width)


def fitting(
    n: int,
    h: int,
    w: int,
    generator: torch.Generator,
    *,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> tuple[Boxes, Bool[Tensor, " n"]]:
    """Boxes inside the h x w image, and for which images one was found.

    Share of the area uniform in `scale`, width / height in pixels log-uniform in `ratio`; drawn ten times, and the
    first that fits is placed anywhere. Where none fits the box is empty.
    """
    device = generator.device
    share, shape, *place = torch.rand(4, n, _TRIES, generator=generator, device=device).unbind()
    area = h * w * (scale[0] + share * (scale[1] - scale[0]))
    root = (math.log(ratio[0]) + shape * math.log(ratio[1] / ratio[0])).div(2).exp()
    heights, widths = (area.sqrt() / root).round(), (area.sqrt() * root).round()
    fits = (heights >= 1) & (widths >= 1) & (heights <= h) & (widths <= w)
    found, first = fits.any(dim=1), fits.int().argmax(dim=1, keepdim=True)
    height, width, y, x = (t.gather(1, first)[:, 0] * found for t in (heights, widths, *place))
    top = ((h - height + 1) * y).floor().clamp(max=h - 1).long()
    left = ((w - width + 1) * x).floor().clamp(max=w - 1).long()
    return Boxes(top, left, top + height.long(), left + width.long()), found

"""Random boxes, one per image, for parts that paste, erase or crop."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

_ATTEMPTS = 10  # boxes drawn per image until one fits, as in torchvision


@dataclass(frozen=True, eq=False)
class Boxes:
    """One box per image, in whole pixels.

    Attributes:
        top: first row.
        left: first column.
        bottom: the row after the last.
        right: the column after the last.
    """

    top: Int[Tensor, " n"]
    left: Int[Tensor, " n"]
    bottom: Int[Tensor, " n"]
    right: Int[Tensor, " n"]

    def mask(self, h: int, w: int) -> Bool[Tensor, "n h w"]:
        """Compute masks that are True inside the box, clipped to the image."""
        rows, columns = torch.arange(h, device=self.top.device), torch.arange(w, device=self.top.device)
        in_rows = (rows >= self.top[:, None]) & (rows < self.bottom[:, None])
        in_columns = (columns >= self.left[:, None]) & (columns < self.right[:, None])
        return in_rows[:, :, None] & in_columns[:, None, :]


def centered_boxes(
    height: Int[Tensor, " n"], width: Int[Tensor, " n"], h: int, w: int, generator: torch.Generator
) -> Boxes:
    """Draw boxes of given sizes whose center is any pixel of the h x w image; they may extend beyond its edges."""
    y = torch.randint(h, height.shape, generator=generator, device=height.device)
    x = torch.randint(w, width.shape, generator=generator, device=width.device)
    top, left = y - height // 2, x - width // 2
    return Boxes(top, left, top + height, left + width)


def inner_boxes(
    n: int,
    h: int,
    w: int,
    generator: torch.Generator,
    *,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> tuple[Boxes, Bool[Tensor, " n"]]:
    """Draw boxes that lie inside the h x w image, as torchvision's `RandomResizedCrop` does.

    Args:
        n: number of images.
        h: height of the images.
        w: width of the images.
        generator: source of the draws; the boxes are on its device.
        scale: smallest and largest area as a share of the image's, uniform between.
        ratio: smallest and largest width / height in pixels, log-uniform between.

    Returns:
        The first of ten boxes drawn that fits, at a uniform position, and whether one fits: the box is empty if not.
    """
    device = generator.device
    u_area, u_ratio, *u_position = torch.rand(4, n, _ATTEMPTS, generator=generator, device=device).unbind()
    area = h * w * (scale[0] + u_area * (scale[1] - scale[0]))
    ratio_root = (math.log(ratio[0]) + u_ratio * math.log(ratio[1] / ratio[0])).div(2).exp()
    heights, widths = (area.sqrt() / ratio_root).round(), (area.sqrt() * ratio_root).round()
    fits = (heights >= 1) & (widths >= 1) & (heights <= h) & (widths <= w)
    any_fits, first = fits.any(dim=1), fits.int().argmax(dim=1, keepdim=True)
    height, width, y, x = (t.gather(1, first)[:, 0] * any_fits for t in (heights, widths, *u_position))
    top = ((h - height + 1) * y).floor().clamp(max=h - 1).long()
    left = ((w - width + 1) * x).floor().clamp(max=w - 1).long()
    return Boxes(top, left, top + height.long(), left + width.long()), any_fits

"""Random geometric warps in one resampling: images bilinear, pixel labels nearest, both through one grid."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.core.tensors import IGNORE, Batch
from handful.parts.augment._part import bernoulli, check_choice, check_number, check_range, uniform

Fill = Literal["zeros", "border", "reflection"]


def resample(batch: Batch, grid: Float[Tensor, "n h2 w2 2"], fill: Fill) -> Batch:
    """Read the batch at `grid` (x, y of the input, -1 to 1 from edge to edge, as `F.grid_sample` has it).

    What lies outside is black, the nearest edge pixel, or the mirrored image. Pixel labels outside are 0
    (background), or mirrored with the image. An image whose labels are all -1 (no mask) keeps them so.
    """
    images = F.grid_sample(batch.images, grid, mode="bilinear", padding_mode=fill, align_corners=False)
    outside = "reflection" if fill == "reflection" else "zeros"
    old = batch.pixel_labels[:, None].to(grid.dtype)  # class numbers are exact in float32
    moved = F.grid_sample(old, grid, mode="nearest", padding_mode=outside, align_corners=False)[:, 0]
    no_mask = (batch.pixel_labels == IGNORE).flatten(1).all(dim=1)[:, None, None]
    return replace(
        batch,
        images=images.clamp_(0, 1).contiguous(memory_format=torch.channels_last),
        pixel_labels=moved.masked_fill_(no_mask, IGNORE).to(batch.pixel_labels.dtype),
    )


@dataclass(frozen=True)
class Warp:
    """A random warp of each image about its center. Every amount is drawn per image.

    Attributes:
        degrees: largest rotation; the angle is uniform in [-degrees, degrees].
        translate: share of the side; across and down each uniform in [-translate, translate].
        scale: smallest and largest factor, uniform between; above 1 enlarges.
        shear: degrees; the slant of upright lines is uniform in [-shear, shear].
        elastic: share of the side; each knot of a coarse grid moves by up to this across and down, uniform,
            and the pixels between follow by bicubic interpolation.
        elastic_grid: knots along a side; more knots, smaller waves.
        fill: what comes in from outside: black ("zeros"), the edge pixel ("border"), the mirror image.
        probability: chance that an image is warped at all.

    Raises:
        ValueError: an amount out of range.
    """

    degrees: float = 0.0
    translate: float = 0.0
    scale: Sequence[float] = (1.0, 1.0)
    shear: float = 0.0
    elastic: float = 0.0
    elastic_grid: int = 4
    fill: Fill = "zeros"
    probability: float = 1.0

    def __post_init__(self) -> None:
        check_number("degrees", self.degrees, 0.0, 180.0)
        check_number("translate", self.translate, 0.0, 1.0)
        check_range("scale", self.scale, 0.05, 20.0)
        check_number("shear", self.shear, 0.0, 80.0)
        check_number("elastic", self.elastic, 0.0, 1.0)
        check_number("elastic_grid", self.elastic_grid, 2.0, 64.0, whole=True)
        check_number("probability", self.probability, 0.0, 1.0)
        check_choice("fill", self.fill, get_args(Fill))

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Warp every image, and its pixel labels alike."""
        return resample(batch, self.grid(batch.images, generator), self.fill)

    def grid(self, images: Float[Tensor, "n 3 h w"], generator: torch.Generator) -> Float[Tensor, "n h w 2"]:
        """Where each output pixel is read in the input, for one draw per image."""
        n, _, h, w = images.shape
        amount = bernoulli(images, generator, self.probability).to(images)  # 0 leaves an image as it is
        angle = uniform(images, generator, -self.degrees, self.degrees).deg2rad_() * amount
        slant = uniform(images, generator, -self.shear, self.shear).deg2rad_().tan_() * amount
        scale = (uniform(images, generator, *self.scale) - 1.0) * amount + 1
        right = uniform(images, generator, -2.0 * self.translate, 2.0 * self.translate) * amount
        down = uniform(images, generator, -2.0 * self.translate, 2.0 * self.translate) * amount
        # The image is sheared, rotated, scaled, then translated; reading the input takes the inverse. Angles are
        # meant in pixels and the grid is in shares of each side, hence the aspect.
        cos, sin = angle.cos() / scale, angle.sin() / scale
        xx, xy = cos + slant * sin, (sin - slant * cos) * (h / w)
        yx, yy = -sin * (w / h), cos
        rows = (xx, xy, -xx * right - xy * down, yx, yy, -yx * right - yy * down)
        grid = F.affine_grid(torch.stack(rows, dim=1).view(n, 2, 3), [n, 1, h, w], align_corners=False)
        if self.elastic == 0:
            return grid
        g = self.elastic_grid
        knots = torch.rand(n, 2, g, g, generator=generator, device=images.device) * 2 - 1
        knots *= (2 * self.elastic * amount).view(n, 1, 1, 1)
        waves = _spread(g, h, images.device) @ knots @ _spread(g, w, images.device).T
        return grid + waves.permute(0, 2, 3, 1)


@lru_cache(maxsize=64)
def _spread(knots: int, side: int, device: torch.device) -> Float[Tensor, "side knots"]:
    """Bicubic interpolation from `knots` values to `side` pixels, as a matrix."""
    rows = torch.eye(knots, device=device)[None, :, :, None]  # one channel per knot, [1 knots knots 1]
    values = F.interpolate(rows, size=(side, 1), mode="bicubic", align_corners=True)
    return values[0, :, :, 0].T.contiguous()

"""Random affine and elastic warps by one sampling grid: images bilinear, pixel labels nearest neighbor."""

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
    """Sample images and pixel labels at the points of a grid.

    Args:
        batch: it is not changed.
        grid: x and y of each output pixel in the input, -1 to 1 from edge to edge, as in `F.grid_sample`.
        fill: values of images outside the input: black ("zeros"), the nearest edge pixel ("border"), or the mirrored
            image ("reflection"). Pixel labels outside are 0 (background), or mirrored with the image. An image without
            a mask (all labels -1) remains without.
    """
    images = F.grid_sample(batch.images, grid, mode="bilinear", padding_mode=fill, align_corners=False)
    label_fill = "reflection" if fill == "reflection" else "zeros"
    labels = batch.pixel_labels[:, None].to(grid.dtype)  # class numbers are exact in float32
    labels = F.grid_sample(labels, grid, mode="nearest", padding_mode=label_fill, align_corners=False)[:, 0]
    no_mask = (batch.pixel_labels == IGNORE).flatten(1).all(dim=1)[:, None, None]
    return replace(
        batch,
        images=images.clamp_(0, 1).contiguous(memory_format=torch.channels_last),
        pixel_labels=labels.masked_fill_(no_mask, IGNORE).to(batch.pixel_labels.dtype),
    )


@dataclass(frozen=True)
class Warp:
    """A random warp of each image about its center, with parameters drawn per image.

    Attributes:
        degrees: largest rotation; the angle is uniform in [-degrees, degrees].
        translate: largest translation as a share of the side; x and y are each uniform in [-translate, translate].
        scale: smallest and largest scale factor, uniform between; above 1 enlarges.
        shear: largest shear of vertical lines, in degrees; the angle is uniform in [-shear, shear].
        elastic: largest displacement of a control point as a share of the side; x and y are each uniform in
            [-elastic, elastic], and bicubic between the control points.
        elastic_grid: control points along a side.
        fill: values outside the image: black ("zeros"), the nearest edge pixel ("border"), or the mirrored image
            ("reflection").
        probability: chance that an image is warped.

    Raises:
        ValueError: an option is out of range.
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
        """Warp images and pixel labels."""
        return resample(batch, self.grid(batch.images, generator), self.fill)

    def grid(self, images: Float[Tensor, "n 3 h w"], generator: torch.Generator) -> Float[Tensor, "n h w 2"]:
        """Draw each image's parameters, and compute x and y of each output pixel in the input, in [-1, 1]."""
        n, _, h, w = images.shape
        applied = bernoulli(images, generator, self.probability).to(images)  # 0: the image is not warped
        angle = uniform(images, generator, -self.degrees, self.degrees).deg2rad_() * applied
        shear = uniform(images, generator, -self.shear, self.shear).deg2rad_().tan_() * applied
        scale = (uniform(images, generator, *self.scale) - 1.0) * applied + 1
        dx = uniform(images, generator, -2.0 * self.translate, 2.0 * self.translate) * applied
        dy = uniform(images, generator, -2.0 * self.translate, 2.0 * self.translate) * applied
        # The image is sheared, rotated, scaled, then translated; the grid is the inverse map. Angles are between pixel
        # axes and grid coordinates are relative to each side, hence the aspect ratio.
        cos, sin = angle.cos() / scale, angle.sin() / scale
        xx, xy = cos + shear * sin, (sin - shear * cos) * (h / w)
        yx, yy = -sin * (w / h), cos
        rows = (xx, xy, -xx * dx - xy * dy, yx, yy, -yx * dx - yy * dy)
        grid = F.affine_grid(torch.stack(rows, dim=1).view(n, 2, 3), [n, 1, h, w], align_corners=False)
        if self.elastic == 0:
            return grid
        g = self.elastic_grid
        offsets = torch.rand(n, 2, g, g, generator=generator, device=images.device) * 2 - 1
        offsets *= (2 * self.elastic * applied).view(n, 1, 1, 1)
        field = _bicubic_matrix(g, h, images.device) @ offsets @ _bicubic_matrix(g, w, images.device).T
        return grid + field.permute(0, 2, 3, 1)


@lru_cache(maxsize=64)
def _bicubic_matrix(points: int, side: int, device: torch.device) -> Float[Tensor, "side points"]:
    """Compute the matrix of bicubic interpolation from `points` values to `side` pixels."""
    rows = torch.eye(points, device=device)[None, :, :, None]  # one channel per control point
    values = F.interpolate(rows, size=(side, 1), mode="bicubic", align_corners=True)
    return values[0, :, :, 0].T.contiguous()

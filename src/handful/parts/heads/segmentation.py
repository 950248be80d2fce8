"""CvS head: BN-ReLU-ConvTranspose back to image size, class score from the maps' spatial mean (CvS, IV-B and eq. 1).

The paper does not give the transposed convolution's kernel; we use one transposed convolution with kernel 2 x stride
and stride equal to the backbone's, which covers every output pixel by four taps (one tap leaves blocks visible).
At stride 1 it is a 3x3 convolution. On many channels at a large stride that is most of the network's work (472
channels, stride 8: 1 GFLOP an image of 256 pixels): `up="bilinear"`, ours, is a 3x3 convolution, then interpolation.
"""

from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone, Output
from handful.models.norm import NormName, choose_norm, norm_layer
from handful.parts.heads._pooling import Compare, Pool, check_maps, check_pool, pooled_output

segments = True
multilabel = True
Up = Literal["transposed", "bilinear"]


def upsample(channels: int, out: int, stride: int, up: Up = "transposed") -> nn.Module:
    """Undo `stride`: one transposed convolution, or a 3x3 convolution and bilinear interpolation.

    Raises:
        ValueError: unknown way up.
    """
    if up not in ("transposed", "bilinear"):
        raise ValueError(f"up must be transposed or bilinear, not {up!r}")
    if stride == 1:
        return nn.Conv2d(channels, out, 3, padding=1)
    if up == "bilinear":
        larger = nn.Upsample(scale_factor=stride, mode="bilinear", align_corners=False)
        return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1), larger)
    return nn.ConvTranspose2d(channels, out, 2 * stride, stride=stride, padding=stride // 2)


def to_size(maps: Float[Tensor, "n d h w"], size: tuple[int, int]) -> Float[Tensor, "n d h2 w2"]:
    """Cut maps that came out larger than the image (its side was no multiple of the stride); stretch smaller ones."""
    h, w = maps.shape[-2:]
    if h >= size[0] and w >= size[1]:
        return maps[..., : size[0], : size[1]]
    return F.interpolate(maps, size, mode="bilinear", align_corners=False)


class Segmentation(nn.Module):
    """Feature maps to d + 1 maps at image size, background first."""

    def __init__(
        self,
        channels: int,
        stride: int,
        size: int,
        *,
        pool: Pool,
        dropout: float,
        norm: NormName,
        up: Up,
        several: bool = False,
    ) -> None:
        super().__init__()
        self.norm = norm_layer(norm, channels)
        self.up = upsample(channels, size + 1, stride, up)
        self.pool: Pool = pool
        self.several = several
        self.dropout = dropout

    def forward(self, maps: Float[Tensor, "n c h w"], *, size: tuple[int, int], compare: Compare) -> Output:
        """Pixel scores and, from their spatial mean, the class."""
        x = F.relu(self.norm(maps))
        features = x.mean(dim=(2, 3))
        x = F.dropout2d(x, self.dropout, self.training)
        return pooled_output(to_size(self.up(x), size), features, compare, self.pool, several=self.several)


def build(
    context: Context,
    *,
    backbone: Backbone,
    pool: Pool = "logits",
    dropout: float = 0.0,
    norm: NormName = "batch",
    up: Up = "transposed",
) -> nn.Module:
    """Build the segmentation head.

    Args:
        context: gives the embedding's size, and the number of images for norm "auto".
        backbone: what the maps come from.
        pool: class scores from pixel scores: "logits", "probability" or "foreground", see `heads._pooling`.
        dropout: dropout rate of whole channels, before the upsampling.
        norm: norm before ReLU: "batch", as the paper, "group", or "auto" by the number of images; "none".
        up: upsampling to the image's size: "transposed", as the paper, or "bilinear".

    Raises:
        ValueError: unknown pool or way up.
        RecipeError: the backbone's maps reach beyond the image.
    """
    check_pool(pool)
    check_maps(backbone)
    size, norm = context.labels.size, choose_norm(norm, context.task)
    several = context.task.kind == "multilabel"
    return Segmentation(
        backbone.channels, backbone.stride, size, pool=pool, dropout=dropout, norm=norm, up=up, several=several
    )

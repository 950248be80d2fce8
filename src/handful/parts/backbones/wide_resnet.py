"""Wide residual network for small images (Zagoruyko and Komodakis 2016, https://arxiv.org/abs/1605.07146).

The CvS paper (section IV-A) uses depth 28 and width 10: a convolution and three stages of pre-activation blocks
(BN-ReLU-conv twice, dropout after the first convolution). Its head begins with BN-ReLU, so the network ends on the last
block's sum. The paper is silent on where a stage strides; like the repository that it names, we stride in the second
convolution of a stage's first block and in its shortcut, and convolutions have a bias.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.models.norm import NormName, choose_norm, norm_layer
from handful.parts.backbones._convolution import (
    ConvolutionFactory,
    ConvolutionKind,
    HarmonicConv2d,
    Padding,
    pad_shortcut,
)
from handful.parts.backbones._weights import load_checkpoint, refuse_large

signed = True
PLAIN = ConvolutionFactory()


class Block(nn.Module):
    """Pre-activation block: BN-ReLU-conv twice with dropout in between, plus a shortcut (1x1 where shapes differ)."""

    def __init__(
        self,
        channels: int,
        out: int,
        *,
        stride: int,
        dropout: float,
        norm: NormName,
        convolutions: ConvolutionFactory = PLAIN,
    ) -> None:
        super().__init__()
        self.norm1 = norm_layer(norm, channels)
        self.conv1 = convolutions.convolution(channels, out, 3, bias=True)
        self.dropout = dropout
        self.norm2 = norm_layer(norm, out)
        self.conv2 = convolutions.convolution(out, out, 3, stride=stride, bias=True)
        same_shape = stride == 1 and channels == out
        self.margin = 2 * convolutions.margin(3)
        self.shortcut = nn.Identity() if same_shape else nn.Conv2d(channels, out, 1, stride=stride)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """Feature maps, `stride` times smaller."""
        y = self.conv1(F.relu(self.norm1(x)))
        if self.dropout:
            y = F.dropout(y, self.dropout, self.training)
        y = self.conv2(F.relu(self.norm2(y)))
        maps: Tensor = y + self.shortcut(pad_shortcut(x, self.margin))
        return maps


def build(
    context: Context,
    *,
    depth: int = 28,
    width: int = 10,
    dropout: float = 0.3,
    strides: tuple[int, int, int] = (1, 2, 2),
    norm: NormName = "batch",
    convolution: ConvolutionKind = "plain",
    harmonics: int | None = None,
    padding: Padding = "same",
    weights: str | None = None,
) -> Backbone:
    """WRN-`depth`-`width`.

    Args:
        context: the number of training images, for norm "auto".
        depth: number of convolutions, 6 n + 4 (10, 16, 22, 28, ...).
        width: widening factor, 1 or more: the stages have 16, 32 and 64 times as many channels.
        dropout: dropout rate between the two convolutions of a block, in [0, 1). The CvS paper is silent on it; the
            default is that of the wide-residual paper.
        strides: of the three stages, each 1 or 2.
        norm: "batch", the paper's, "group", "none", or "auto" by the number of images (see `handful.models.norm`).
        convolution: "plain" or "harmonic" kernels (see `_convolution`).
        harmonics: keep the DCT filters of harmonic kernels with u + v below it, 1 or more; None: all.
        padding: "same", or "full", whose maps are larger than the image (for heads that pool).
        weights: initialize from a checkpoint file, or from the folder of a saved classifier with this backbone.

    Raises:
        ValueError: an option is out of range.
        WeightsError: the checkpoint cannot be read, or is of another network.
    """
    if depth < 10 or (depth - 4) % 6:
        raise ValueError(f"depth must be 6 n + 4 (10, 16, 22, 28, ...), not {depth}")
    if width < 1 or not 0 <= dropout < 1:
        raise ValueError(f"width must be at least 1 and dropout in [0, 1), not {width} and {dropout}")
    if len(strides) != 3 or any(s not in (1, 2) for s in strides):
        raise ValueError(f"strides must be three numbers of 1 or 2, not {list(strides)}")
    refuse_large(16_128 * (depth - 4) * width**2)
    blocks_per_stage = (depth - 4) // 6
    norm = choose_norm(norm, context.task)
    convolutions = ConvolutionFactory(convolution, padding, harmonics)
    layers = [convolutions.convolution(3, 16, 3, bias=True, first=True)]
    channels, stride = 16, 1
    for out, stage_stride in zip((16 * width, 32 * width, 64 * width), strides, strict=True):
        for i in range(blocks_per_stage):
            block_stride = stage_stride if i == 0 else 1
            layers.append(
                Block(channels, out, stride=block_stride, dropout=dropout, norm=norm, convolutions=convolutions)
            )
            channels = out
        stride *= stage_stride
    network = convolutions.sequential(*layers)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | HarmonicConv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    if weights is not None:
        load_checkpoint(weights, network, network, rename=str)
    return Backbone(network, channels, stride)

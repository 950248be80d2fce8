"""Wide residual network for small images, Zagoruyko and Komodakis 2016, https://arxiv.org/abs/1605.07146.

The CvS paper (section IV-A) uses depth 28 and width 10: a convolution, three stages of pre-activation blocks
(BN-ReLU-conv twice, dropout after the first convolution). Its head begins with BN-ReLU, so the network ends
on the last block's sum. The paper does not say where a stage strides; like the repository it names, the second
convolution of a stage's first block and the shortcut do, and convolutions carry a bias.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.backbones._weights import load_checkpoint
from handful.norm import NormName, choose_norm, norm_layer
from handful.types import Backbone, Context


class Block(nn.Module):
    """Two BN-ReLU-conv with dropout between them, plus a shortcut (a 1x1 convolution where shapes differ)."""

    def __init__(self, channels: int, out: int, *, stride: int, dropout: float, norm: NormName) -> None:
        super().__init__()
        self.norm1 = norm_layer(norm, channels)
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1)
        self.dropout = dropout
        self.norm2 = norm_layer(norm, out)
        self.conv2 = nn.Conv2d(out, out, 3, stride=stride, padding=1)
        same = stride == 1 and channels == out
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels, out, 1, stride=stride)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """Feature maps, `stride` times smaller."""
        y = self.conv1(F.relu(self.norm1(x)))
        if self.dropout:
            y = F.dropout(y, self.dropout, self.training)
        y = self.conv2(F.relu(self.norm2(y)))
        total: Tensor = y + self.shortcut(x)
        return total


def build(
    context: Context,
    *,
    depth: int = 28,
    width: int = 10,
    dropout: float = 0.3,
    strides: tuple[int, int, int] = (1, 2, 2),
    norm: NormName = "batch",
    weights: str | None = None,
) -> Backbone:
    """WRN-`depth`-`width`; the paper does not give its dropout rate: 0.3 is the wide-residual paper's.

    `norm`: "batch" as the paper, "group", or "auto" by the number of images (see `handful.norm`).
    `weights`: start from a checkpoint file, or from the folder of a saved classifier with this backbone.

    Raises:
        ValueError: depth is not 6 n + 4, or a width, rate or stride is out of range.
        WeightsError: the checkpoint cannot be read, or is another network's.
    """
    if depth < 10 or (depth - 4) % 6:
        raise ValueError(f"depth must be 6 n + 4 (10, 16, 22, 28, ...), not {depth}")
    if width < 1 or not 0 <= dropout < 1:
        raise ValueError(f"width must be at least 1 and dropout in [0, 1), not {width} and {dropout}")
    if len(strides) != 3 or any(s not in (1, 2) for s in strides):
        raise ValueError(f"strides must be three numbers of 1 or 2, not {list(strides)}")
    per_stage = (depth - 4) // 6
    norm = choose_norm(norm, context.task)
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1)]
    channels, stride = 16, 1
    for out, step in zip((16 * width, 32 * width, 64 * width), strides, strict=True):
        for i in range(per_stage):
            layers.append(Block(channels, out, stride=step if i == 0 else 1, dropout=dropout, norm=norm))
            channels = out
        stride *= step
    network = nn.Sequential(*layers)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    if weights is not None:
        load_checkpoint(weights, network, network, rename=str)
    return Backbone(network, channels, stride)

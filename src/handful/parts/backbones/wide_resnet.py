"""Wide residual network for small images, Zagoruyko and Komodakis 2016, https://arxiv.org/abs/1605.07146.

The CvS paper (section IV-A) uses depth 28 and width 10: a convolution, three stages of pre-activation blocks
(BN-ReLU-conv twice, dropout after the first convolution). Its head begins with BN-ReLU, so the network ends
on the last block's sum. The paper does not say where a stage strides; like the repository it names, the second
convolution of a stage's first block and the shortcut do, and convolutions carry a bias.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.models.norm import NormName, choose_norm, norm_layer
from handful.parts.backbones._convolution import Convolutions, Harmonic, Kind, Padding, widen
from handful.parts.backbones._weights import load_checkpoint

PLAIN = Convolutions()


class Block(nn.Module):
    """Two BN-ReLU-conv with dropout between them, plus a shortcut (a 1x1 convolution where shapes differ)."""

    def __init__(
        self,
        channels: int,
        out: int,
        *,
        stride: int,
        dropout: float,
        norm: NormName,
        convolutions: Convolutions = PLAIN,
    ) -> None:
        super().__init__()
        self.norm1 = norm_layer(norm, channels)
        self.conv1 = convolutions.make(channels, out, 3, bias=True)
        self.dropout = dropout
        self.norm2 = norm_layer(norm, out)
        self.conv2 = convolutions.make(out, out, 3, stride=stride, bias=True)
        same = stride == 1 and channels == out
        self.margin = 2 * convolutions.margin(3)
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels, out, 1, stride=stride)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """Feature maps, `stride` times smaller."""
        y = self.conv1(F.relu(self.norm1(x)))
        if self.dropout:
            y = F.dropout(y, self.dropout, self.training)
        y = self.conv2(F.relu(self.norm2(y)))
        total: Tensor = y + self.shortcut(widen(x, self.margin))
        return total


def build(
    context: Context,
    *,
    depth: int = 28,
    width: int = 10,
    dropout: float = 0.3,
    strides: tuple[int, int, int] = (1, 2, 2),
    norm: NormName = "batch",
    convolution: Kind = "plain",
    harmonics: int | None = None,
    padding: Padding = "same",
    weights: str | None = None,
) -> Backbone:
    """WRN-`depth`-`width`; the paper does not give its dropout rate: 0.3 is the wide-residual paper's.

    `norm`: "batch" as the paper, "group", or "auto" by the number of images (see `handful.models.norm`).
    `convolution`: "plain" or "harmonic" kernels, of which `harmonics` keeps the DCT filters with u + v below it (None:
    all). `padding`: "same", or "full" for maps without a border, for heads that pool (see `_convolution`).
    `weights`: start from a checkpoint file, or from the folder of a saved classifier with this backbone.

    Raises:
        ValueError: depth is not 6 n + 4, or another option is out of range.
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
    convolutions = Convolutions(convolution, padding, harmonics)
    layers = [convolutions.make(3, 16, 3, bias=True, first=True)]
    channels, stride = 16, 1
    for out, step in zip((16 * width, 32 * width, 64 * width), strides, strict=True):
        for i in range(per_stage):
            at = step if i == 0 else 1
            layers.append(Block(channels, out, stride=at, dropout=dropout, norm=norm, convolutions=convolutions))
            channels = out
        stride *= step
    network = convolutions.layers(*layers)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | Harmonic):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    if weights is not None:
        load_checkpoint(weights, network, network, rename=str)
    return Backbone(network, channels, stride)

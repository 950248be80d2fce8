"""ResNeXt stem, bottleneck and residual block with VIPF's changes (section 3.1, equations 1 and 2).

A block is ReLU(shortcut + F). F is a bottleneck: a 1x1, a grouped 3x3 (or a selective kernel unit) that strides, and a
1x1 convolution, each with norm, and ReLU after the first two. It equals torchvision's resnext50_32x4d, which the tests
compare with.

Anti-aliased (Zhang 2019, https://arxiv.org/abs/1904.11486): a max pool with stride 2 becomes one with stride 1 and a
blur with stride 2; a strided convolution becomes one with stride 1, norm, activation, and a blur. This includes the
stem's convolution: the paper excepts none, though at full resolution it is the most expensive. A selective kernel unit
is blurred once, after its sum. A strided shortcut has no activation: it is blurred first, as Zhang does, which is
equivalent and cheaper.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from timm.layers.blur_pool import BlurPool2d
from torch import Tensor, nn

from handful.models.norm import NormName, norm_layer
from handful.parts.backbones._convolution import ConvolutionFactory, pad_shortcut
from handful.parts.backbones._dual_branch import DualBranch, LambdaPer
from handful.parts.backbones._selective_kernel import KERNEL_SIZES, SelectiveKernel

Stem = Literal["imagenet", "small"]


@dataclass(frozen=True)
class BlockConfig:
    """The settings that all blocks of a network share; see `dsk_resnext.build`. `groups` None: depthwise."""

    dual: bool
    selective: bool
    anti_alias: bool
    groups: int | None
    lambda_per: LambdaPer
    norm: NormName
    convolutions: ConvolutionFactory

    @property
    def margin(self) -> int:
        """Cells by which a block grows its maps on each side, before it strides."""
        return self.convolutions.margin(max(KERNEL_SIZES) if self.selective else 3)


class BlurPool(nn.Module):
    """timm's BlurPool2d, 3x3 with stride 2. It replicates the edge: timm's default, reflection, fails on one cell.

    On a CPU it runs in float32: the strided depthwise convolution's backward pass is much slower in bfloat16.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = BlurPool2d(channels, filt_size=3, stride=2, pad_mode="replicate")

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        """Maps of half the size, rounded up."""
        if x.device.type != "cpu" or x.dtype == torch.float32:
            blurred: Tensor = self.pool(x)
            return blurred
        with torch.autocast("cpu", enabled=False):
            return self.pool(x.float()).to(x.dtype)  # type: ignore[no-any-return]


def make_stem(out: int, kind: Stem, config: BlockConfig) -> nn.Module:
    """Images to maps: 7x7 with stride 2 and a max pool with stride 2 ("imagenet"), or 3x3 at full size ("small")."""
    convolution = config.convolutions.convolution
    if kind == "small":
        return nn.Sequential(convolution(3, out, 3, first=True), norm_layer(config.norm, out), nn.ReLU(inplace=True))
    stride = 1 if config.anti_alias else 2
    layers = [convolution(3, out, 7, stride=stride, first=True), norm_layer(config.norm, out), nn.ReLU(inplace=True)]
    if not config.anti_alias:
        return nn.Sequential(*layers, nn.MaxPool2d(3, 2, padding=1))
    return nn.Sequential(*layers, BlurPool(out), nn.MaxPool2d(3, 1, padding=1), BlurPool(out))


def bottleneck(channels: int, hidden: int, out: int, *, stride: int, config: BlockConfig) -> nn.Module:
    """F of equation 2."""
    convolution, norm = config.convolutions.convolution, config.norm
    groups = config.groups or hidden
    conv_stride = 1 if config.anti_alias else stride
    layers = [convolution(channels, hidden, 1), norm_layer(norm, hidden), nn.ReLU(inplace=True)]
    if config.selective:
        layers.append(
            SelectiveKernel(hidden, stride=conv_stride, groups=groups, norm=norm, convolutions=config.convolutions)
        )
    else:
        spatial = convolution(hidden, hidden, 3, stride=conv_stride, groups=groups)
        layers += [spatial, norm_layer(norm, hidden), nn.ReLU(inplace=True)]
    if conv_stride != stride:
        layers.append(BlurPool(hidden))
    return nn.Sequential(*layers, convolution(hidden, out, 1), norm_layer(norm, out))


class ResidualBlock(nn.Module):
    """ReLU(shortcut + residual), `stride` times smaller."""

    def __init__(self, channels: int, hidden: int, out: int, *, stride: int, config: BlockConfig) -> None:
        super().__init__()

        def branch() -> nn.Module:
            return bottleneck(channels, hidden, out, stride=stride, config=config)

        self.residual = DualBranch(branch(), branch(), lambda_per=config.lambda_per) if config.dual else branch()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != out:
            blurred = config.anti_alias and stride != 1
            projection = nn.Conv2d(channels, out, 1, stride=1 if blurred else stride, bias=False)
            blur = [BlurPool(channels)] if blurred else []
            self.shortcut = nn.Sequential(*blur, projection, norm_layer(config.norm, out))
        self.margin = config.margin

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """Feature maps."""
        return F.relu(self.shortcut(pad_shortcut(x, self.margin)) + self.residual(x), inplace=True)

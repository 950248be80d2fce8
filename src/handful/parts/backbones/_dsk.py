"""The pieces of a ResNeXt with the VIPF paper's changes: stem, residual unit F and block.

A block is ReLU(shortcut + F), F a bottleneck: 1x1, a grouped 3x3 (or a selective kernel unit) that strides, 1x1, each
with norm, ReLU after the first two. So is torchvision's resnext50_32x4d, which the tests compare with.

Anti-aliased (Zhang 2019, https://arxiv.org/abs/1904.11486): a max pool with stride 2 becomes one with stride 1 and a
blur with stride 2; a strided convolution becomes one with stride 1, norm, activation, and a blur. The stem's is one of
these: the paper excepts none, though at full resolution it costs most. A selective kernel unit is blurred once, behind
its sum. A strided shortcut has no activation: it is blurred first, as Zhang does, which is the same and cheaper.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from timm.layers.blur_pool import BlurPool2d
from torch import Tensor, nn

from handful.models.norm import NormName, norm_layer
from handful.parts.backbones._convolution import Convolutions, widen
from handful.parts.backbones._selective_kernel import KERNELS, SelectiveKernel
from handful.parts.backbones._shake import Draw, Dual

Stem = Literal["imagenet", "small"]


@dataclass(frozen=True)
class Design:
    """What all blocks of a network have in common. `groups` None: depthwise."""

    dual: bool
    selective: bool
    anti_alias: bool
    groups: int | None
    draw: Draw
    norm: NormName
    convolutions: Convolutions

    @property
    def margin(self) -> int:
        """By how many cells a block grows its maps on each side, before it strides."""
        return self.convolutions.margin(max(KERNELS) if self.selective else 3)


class Blur(nn.Module):
    """timm's BlurPool2d, 3x3 with stride 2; it repeats the edge, as a mirror, its default, fails on maps one cell wide.

    On a CPU it runs in float32: the strided depthwise convolution's backward pass is eight times slower in bfloat16.
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


def make_stem(out: int, kind: Stem, design: Design) -> nn.Module:
    """Images to maps: 7x7 with stride 2 and a max pool with stride 2, or 3x3 at full size."""
    make, aliased = design.convolutions.make, not design.anti_alias
    if kind == "small":
        return nn.Sequential(make(3, out, 3, first=True), norm_layer(design.norm, out), nn.ReLU(inplace=True))
    convolution = make(3, out, 7, stride=2 if aliased else 1, first=True)
    layers = [convolution, norm_layer(design.norm, out), nn.ReLU(inplace=True)]
    if aliased:
        return nn.Sequential(*layers, nn.MaxPool2d(3, 2, padding=1))
    return nn.Sequential(*layers, Blur(out), nn.MaxPool2d(3, 1, padding=1), Blur(out))


def unit(channels: int, hidden: int, out: int, *, stride: int, design: Design) -> nn.Module:
    """F of equation 2."""
    make, norm = design.convolutions.make, design.norm
    groups = design.groups or hidden
    step = 1 if design.anti_alias else stride
    layers = [make(channels, hidden, 1), norm_layer(norm, hidden), nn.ReLU(inplace=True)]
    if design.selective:
        wish = {"stride": step, "groups": groups}
        layers.append(SelectiveKernel(hidden, norm=norm, convolutions=design.convolutions, **wish))
    else:
        spatial = make(hidden, hidden, 3, stride=step, groups=groups)
        layers += [spatial, norm_layer(norm, hidden), nn.ReLU(inplace=True)]
    if step != stride:
        layers.append(Blur(hidden))
    return nn.Sequential(*layers, make(hidden, out, 1), norm_layer(norm, out))


class Block(nn.Module):
    """ReLU(shortcut + residual), `stride` times smaller."""

    def __init__(self, channels: int, hidden: int, out: int, *, stride: int, design: Design) -> None:
        super().__init__()

        def branch() -> nn.Module:
            return unit(channels, hidden, out, stride=stride, design=design)

        self.residual = Dual(branch(), branch(), draw=design.draw) if design.dual else branch()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != out:
            blurred = design.anti_alias and stride != 1
            project = nn.Conv2d(channels, out, 1, stride=1 if blurred else stride, bias=False)
            first = [Blur(channels)] if blurred else []
            self.shortcut = nn.Sequential(*first, project, norm_layer(design.norm, out))
        self.margin = design.margin

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        """Feature maps."""
        return F.relu(self.shortcut(widen(x, self.margin)) + self.residual(x), inplace=True)

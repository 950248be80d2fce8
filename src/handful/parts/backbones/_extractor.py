"""timm's feature extractors as stages, and padding for models that round a map's size down."""

from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from timm.layers.format import Format
from timm.models._features import FeatureDictNet
from torch import Tensor, nn

from handful.parts.backbones._stages import StageOutput


class Pad(nn.Module):
    """Repeat the right and bottom edge until both sides are multiples of `stride`."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        """The same images, at most `stride - 1` larger."""
        h, w = x.shape[-2:]
        right, below = -w % self.stride, -h % self.stride
        return F.pad(x, (0, right, 0, below), mode="replicate") if right or below else x


class Last(nn.Module):
    """A whole extractor as one stage: its last map, channels first, cut to where the image ends."""

    def __init__(self, net: nn.Module, *, pad: int, stride: int, channels_last: bool) -> None:
        super().__init__()
        self.net, self.pad = net, Pad(pad)
        self.stride, self.channels_last = stride, channels_last

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h2 w2"]:
        """Maps."""
        h, w = (-(-side // self.stride) for side in x.shape[-2:])
        maps: Tensor = self.net(self.pad(x))[-1]
        maps = maps.permute(0, 3, 1, 2) if self.channels_last else maps
        return maps[..., :h, :w]


def sequence(net: Any) -> list[tuple[nn.Module, bool]] | None:
    """The modules that an extractor runs one after the other, each with whether its output is one of the maps.

    None: it does something else than that.
    """
    if isinstance(net, FeatureDictNet) and net.output_fmt == Format.NCHW:
        return [(module, name in net.return_layers) for name, module in net.items()]
    if hasattr(net, "blocks") and getattr(net, "feature_hooks", True) is None:  # the EfficientNets and MobileNets
        stem = [module for name, module in net.named_children() if name != "blocks"]
        taps = set(net._stage_out_idx)
        head = [(module, i == len(stem) - 1 and 0 in taps) for i, module in enumerate(stem)]
        return head + [(block, i in taps) for i, block in enumerate(net.blocks, start=1)]
    return None


def levels_of(net: Any, *, stride: int | None) -> list[StageOutput]:
    """An extractor cut behind each of its maps, for maps wanted at `stride`; or as one stage, where it cannot be."""
    strides, channels = list(net.feature_info.reduction()), list(net.feature_info.channels())
    modules = sequence(net)
    if modules is None:
        last = Last(
            net,
            pad=max(strides),
            stride=strides[-1],
            channels_last=getattr(net, "output_fmt", None) == Format.NHWC,
        )
        return [StageOutput(last, channels[-1], strides[-1])]
    levels: list[StageOutput] = []
    stage: list[nn.Module] = [Pad(stride or strides[-1])]
    for module, ends in modules:
        stage.append(module)
        if ends:
            levels.append(StageOutput(nn.Sequential(*stage), channels[len(levels)], strides[len(levels)]))
            stage = []
    return levels

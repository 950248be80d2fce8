"""timm's feature extractors split into stages, and padding for models that round the size of a map down."""

from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from timm.layers.format import Format
from timm.models._features import FeatureDictNet
from torch import Tensor, nn

from handful.parts.backbones._stages import StageOutput


class PadToStride(nn.Module):
    """Replicate the right and bottom edge until both sides are multiples of `stride`."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        """The images, at most `stride - 1` pixels larger."""
        h, w = x.shape[-2:]
        right, bottom = -w % self.stride, -h % self.stride
        return F.pad(x, (0, right, 0, bottom), mode="replicate") if right or bottom else x


class LastMap(nn.Module):
    """A whole extractor as one stage: its last map, channels first, cropped to the image."""

    def __init__(self, net: nn.Module, *, pad: int, stride: int, channels_last: bool) -> None:
        super().__init__()
        self.net, self.pad = net, PadToStride(pad)
        self.stride, self.channels_last = stride, channels_last

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h2 w2"]:
        """Normalized images to maps."""
        h, w = (-(-side // self.stride) for side in x.shape[-2:])
        maps: Tensor = self.net(self.pad(x))[-1]
        maps = maps.permute(0, 3, 1, 2) if self.channels_last else maps
        return maps[..., :h, :w]


def sequential_modules(net: Any) -> list[tuple[nn.Module, bool]] | None:
    """The modules of a sequential extractor, each with whether its output is one of the maps.

    None if the extractor is not a plain sequence of modules.
    """
    if isinstance(net, FeatureDictNet) and net.output_fmt == Format.NCHW:
        return [(module, name in net.return_layers) for name, module in net.items()]
    if hasattr(net, "blocks") and getattr(net, "feature_hooks", True) is None:  # the EfficientNets and MobileNets
        stem = [module for name, module in net.named_children() if name != "blocks"]
        out_indices = set(net._stage_out_idx)
        stem_modules = [(module, i == len(stem) - 1 and 0 in out_indices) for i, module in enumerate(stem)]
        return stem_modules + [(block, i in out_indices) for i, block in enumerate(net.blocks, start=1)]
    return None


def split_stages(net: Any, *, stride: int | None) -> list[StageOutput]:
    """The stages of an extractor, which end at its maps; a single stage where it is not a plain sequence.

    Args:
        net: timm's extractor.
        stride: of the backbone's output, which the images are padded to; None: the extractor's own.
    """
    strides, channels = list(net.feature_info.reduction()), list(net.feature_info.channels())
    modules = sequential_modules(net)
    if modules is None:
        last = LastMap(
            net,
            pad=max(strides),
            stride=strides[-1],
            channels_last=getattr(net, "output_fmt", None) == Format.NHWC,
        )
        return [StageOutput(last, channels[-1], strides[-1])]
    stages: list[StageOutput] = []
    stage: list[nn.Module] = [PadToStride(stride or strides[-1])]
    for module, is_output in modules:
        stage.append(module)
        if is_output:
            stages.append(StageOutput(nn.Sequential(*stage), channels[len(stages)], strides[len(stages)]))
            stage = []
    return stages

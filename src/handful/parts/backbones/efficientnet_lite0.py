"""EfficientNet-Lite0 with ImageNet weights from an installed package, so that no download is needed.

EfficientNet (Tan and Le 2019, https://arxiv.org/abs/1905.11946) without squeeze-and-excitation, and with ReLU6 in place
of Swish. The package's 296 tensors are, in order, those of timm's `tf_efficientnet_lite0`.
"""

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.backbones._efficientnet_lite import DEFAULT, LiteOptions, build_lite

imagenet_classifier = "0"


def build(context: Context, *, network: LiteOptions = DEFAULT) -> Backbone:  # noqa: ARG001
    """Five stages at strides 2, 4, 8, 16 and 32 with 16, 24, 40, 112 and 1280 channels.

    Args:
        context: not used.
        network: options `pretrained`, `weights`, `stride`, `dilate`, `fuse`, `expand`, `freeze` and `drop_path`, see
            `LiteOptions`.

    Raises:
        ValueError: options that exclude each other, or a rate out of range.
        WeightsError: the package is not installed, or the checkpoint is of another network.
    """
    return build_lite(0, network)

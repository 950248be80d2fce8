"""EfficientNet-Lite2 with ImageNet weights from an installed package, so that no download is needed.

EfficientNet (Tan and Le 2019, https://arxiv.org/abs/1905.11946) without squeeze-and-excitation, and with ReLU6 in place
of Swish. It is wider and deeper than Lite0, and was trained at 260 pixels
(recipe: `image_size = [260, 260]`). `handful[lite2]` installs its weights.
"""

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.backbones._efficientnet_lite import DEFAULT, LiteOptions, build_lite

imagenet_classifier = "2"


def build(context: Context, *, network: LiteOptions = DEFAULT) -> Backbone:  # noqa: ARG001
    """Five stages at strides 2, 4, 8, 16 and 32 with 16, 24, 48, 120 and 1280 channels.

    Args:
        context: not used.
        network: options `pretrained`, `weights`, `stride`, `dilate`, `fuse`, `expand`, `freeze` and `drop_path`, see
            `LiteOptions`.

    Raises:
        ValueError: options that exclude each other, or a rate out of range.
        WeightsError: the package is not installed, or the checkpoint is of another network.
    """
    return build_lite(2, network)

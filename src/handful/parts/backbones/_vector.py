"""Backbones whose output is one feature vector per image, shaped as a map of one cell."""

import torch
from jaxtyping import Float
from torch import nn

from handful.core.tensors import Backbone

STRIDE = 2**20  # pixels per cell: larger than any image's side


def vector_backbone(network: nn.Module, channels: int, *, mean: float = 0.5, std: float = 0.5) -> Backbone:
    """A network from normalized images [n 3 h w] to maps [n c 1 1]; heads that score pixels refuse it.

    Args:
        network: the feature extractor.
        channels: length of the feature vector.
        mean: subtracted from each color channel.
        std: each color channel is divided by it.
    """
    network.whole = True  # type: ignore[assignment]
    return Backbone(network, channels, STRIDE, mean=(mean,) * 3, std=(std,) * 3)


def to_maps(vectors: Float[torch.Tensor, "n c"]) -> Float[torch.Tensor, "n c 1 1"]:
    """Feature vectors as maps of one cell."""
    return vectors[:, :, None, None]

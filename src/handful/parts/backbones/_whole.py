"""Backbones that give one vector for a whole image, as a map of one cell."""

import torch
from torch import nn

from handful.core.tensors import Backbone

STRIDE = 2**20  # pixels per cell: beyond any image's side


def whole(network: nn.Module, channels: int, *, mean: float = 0.5, std: float = 0.5) -> Backbone:
    """A network from normalised images [n 3 h w] to maps [n c 1 1]; heads that score pixels refuse it."""
    network.whole = True  # type: ignore[assignment]
    return Backbone(network, channels, STRIDE, mean=(mean,) * 3, std=(std,) * 3)


def one_cell(vectors: torch.Tensor) -> torch.Tensor:
    """Vectors [n c] as maps [n c 1 1]."""
    return vectors[:, :, None, None]

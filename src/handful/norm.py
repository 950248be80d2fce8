"""Normalisation of feature maps, by name.

Batch norm learns from a batch's statistics. With one image per class every batch is the same few images, and what
the network learns then leans on those statistics: group norm (Wu and He 2018, https://arxiv.org/abs/1803.08494)
looks at one image at a time and does not.
"""

from typing import Literal

from torch import nn

NormName = Literal["batch", "group", "none"]


def norm_layer(name: NormName, channels: int) -> nn.Module:
    """A normalisation over `channels`: "batch", "group" (groups of eight channels, or all where eight do not divide).

    Raises:
        ValueError: another name.
    """
    if name == "batch":
        return nn.BatchNorm2d(channels)
    if name == "group":
        return nn.GroupNorm(channels // 8 if channels % 8 == 0 else 1, channels)
    if name == "none":
        return nn.Identity()
    raise ValueError(f"norm must be batch, group or none, not {name!r}")

"""Concatenated features of several backbones, each averaged over space and normalized to length 1.

    [backbone]
    name = "concat"
    backbones = ["efficientnet_lite0", { name = "timm", model = "vit_small_patch14_dinov2", pretrained = true }]

At length 1 all backbones have the same weight, whatever their number of features and their scale. The list may have one
member, so that a search can choose between single backbones and combinations (`handful compare`; by cross-validation on
the training images):

    [search]
    "backbone.backbones" = [["efficientnet_lite0"], ["pixels"], ["efficientnet_lite0", "pixels"]]
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.backbones._vector import to_maps, vector_backbone

made_of = "backbones"


class Concat(nn.Module):
    """Networks applied to the same images, each with its own normalization."""

    means: Tensor
    stds: Tensor

    def __init__(self, members: Sequence[Backbone]) -> None:
        super().__init__()
        self.members = nn.ModuleList(member.network for member in members)
        self.register_buffer("means", torch.tensor([m.mean for m in members]))
        self.register_buffer("stds", torch.tensor([m.std for m in members]))

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c 1 1"]:
        """Images in [0, 1] to one cell with the members' features in their order."""
        features = []
        for network, mean, std in zip(self.members, self.means, self.stds, strict=True):
            normalized = (x - mean.view(3, 1, 1)) / std.view(3, 1, 1)
            maps = network(normalized.contiguous(memory_format=torch.channels_last))
            features.append(F.normalize(maps.float().mean(dim=(2, 3)), dim=1))
        return to_maps(torch.cat(features, dim=1))


def build(
    _context: Context, *, make: Callable[[Any], Backbone], backbones: Sequence[str | Mapping[str, Any]]
) -> Backbone:
    """Concatenation of backbones.

    Args:
        make: builds a member; given by the registry.
        backbones: one or more members, each a name or a table of name and options.

    Raises:
        RecipeError: a backbone or option is unknown.
        ValueError: `backbones` is not a list, or is empty.
    """
    if isinstance(backbones, str) or not backbones:
        raise ValueError(f"backbones must list one or more, not {backbones!r}")
    members = [make(member) for member in backbones]
    return vector_backbone(Concat(members), sum(member.channels for member in members), mean=0.0, std=1.0)

"""Several backbones side by side: each one's features, averaged over space and brought to length 1, in a row.

    [backbone]
    name = "concat"
    backbones = ["efficientnet_lite0", { name = "timm", model = "vit_small_patch14_dinov2", pretrained = true }]

Length 1 gives each of them the same say, however many numbers it has and whatever their scale. One in the list is that
backbone alone, so that a search can choose among backbones and what they make together (`handful compare`; by
cross-validation inside the training images):

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
from handful.parts.backbones._whole import one_cell, whole

made_of = "backbones"


class Concat(nn.Module):
    """Networks that see the same images, each normalised its own way."""

    means: Tensor
    stds: Tensor

    def __init__(self, members: Sequence[Backbone]) -> None:
        super().__init__()
        self.members = nn.ModuleList(member.network for member in members)
        self.register_buffer("means", torch.tensor([m.mean for m in members]))
        self.register_buffer("stds", torch.tensor([m.std for m in members]))

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c 1 1"]:
        """One cell with the members' features in their order; images in [0, 1]."""
        found = []
        for network, mean, std in zip(self.members, self.means, self.stds, strict=True):
            normalised = (x - mean.view(3, 1, 1)) / std.view(3, 1, 1)
            maps = network(normalised.contiguous(memory_format=torch.channels_last))
            found.append(F.normalize(maps.float().mean(dim=(2, 3)), dim=1))
        return one_cell(torch.cat(found, dim=1))


def build(
    _context: Context, *, make: Callable[[Any], Backbone], backbones: Sequence[str | Mapping[str, Any]]
) -> Backbone:
    """`backbones`: one or more, each a name or a table of name and options; `make` builds one.

    Raises:
        RecipeError: an unknown backbone or option.
        ValueError: no list, or an empty one.
    """
    if isinstance(backbones, str) or not backbones:
        raise ValueError(f"backbones lists one or more, not {backbones!r}")
    members = [make(value) for value in backbones]
    return whole(Concat(members), sum(member.channels for member in members), mean=0.0, std=1.0)

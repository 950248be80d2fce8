"""Projection head: pool, hidden layer, ReLU, linear layer to the label vectors' length.

With word vectors as labels the last layer of every head is a projection into their space. This one has a hidden layer
as well, as is usual since SimCLR (Chen et al. 2020, https://arxiv.org/abs/2002.05709). The soft-label paper does not
say how features are brought to the vectors' length.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone, Output
from handful.models.norm import NormName, choose_norm, norm_layer
from handful.parts.heads._pooling import Compare


class Projection(nn.Module):
    """Average over space, then two linear layers with a ReLU between."""

    def __init__(self, channels: int, hidden: int, size: int, *, norm: NormName, dropout: float) -> None:
        super().__init__()
        self.norm = None if norm == "none" else norm_layer(norm, channels)
        self.first = nn.Linear(channels, hidden)
        self.last = nn.Linear(hidden, size)
        self.dropout = dropout

    def forward(self, maps: Float[Tensor, "n c h w"], *, size: tuple[int, int], compare: Compare) -> Output:  # noqa: ARG002
        """Embedding and class logits; no pixel maps. The features are what was pooled."""
        if self.norm is not None:
            maps = F.relu(self.norm(maps))
        features = maps.mean(dim=(2, 3)).float()
        with torch.autocast(maps.device.type, enabled=False):  # bfloat16 scores would tie
            hidden = F.relu(self.first(features))
            embedding = self.last(F.dropout(hidden, self.dropout, self.training))
            return Output(embedding, compare(embedding), features)


def build(
    context: Context, *, backbone: Backbone, hidden: int = 512, norm: NormName = "batch", dropout: float = 0.0
) -> nn.Module:
    """Build the projection head.

    Args:
        context: gives the embedding's size, and the number of images for norm "auto".
        backbone: what the maps come from.
        hidden: width of the hidden layer.
        norm: norm before ReLU and pool: "batch", "group", or "auto" by the number of images; "none" leaves out both
            norm and ReLU.
        dropout: dropout rate of the hidden layer.

    Raises:
        ValueError: no hidden width.
    """
    if isinstance(hidden, bool) or not isinstance(hidden, int) or hidden < 1:
        raise ValueError(f"hidden must be a whole number from 1, not {hidden!r}")
    norm = choose_norm(norm, context.task)
    return Projection(backbone.channels, hidden, context.labels.size, norm=norm, dropout=dropout)

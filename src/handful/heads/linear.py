"""Linear head: BN-ReLU-average pool-linear (CvS, section V-B), or the plain pool-linear of ResNet."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.heads._pooling import Compare
from handful.norm import NormName, choose_norm, norm_layer
from handful.types import Backbone, Context, Output


class Linear(nn.Module):
    """Average over space, then one linear layer to the label embedding's size."""

    def __init__(self, channels: int, size: int, *, norm: NormName, dropout: float) -> None:
        super().__init__()
        self.norm = None if norm == "none" else norm_layer(norm, channels)
        self.linear = nn.Linear(channels, size)
        self.dropout = dropout

    def forward(self, maps: Float[Tensor, "n c h w"], *, size: tuple[int, int], compare: Compare) -> Output:  # noqa: ARG002
        """Embedding and class logits; no pixel maps."""
        if self.norm is not None:
            maps = F.relu(self.norm(maps))
        features = maps.mean(dim=(2, 3)).float()
        with torch.autocast(maps.device.type, enabled=False):  # bfloat16 scores would tie
            embedding = self.linear(F.dropout(features, self.dropout, self.training))
            return Output(embedding, compare(embedding), features)


def build(context: Context, *, backbone: Backbone, norm: NormName = "batch", dropout: float = 0.0) -> nn.Module:
    """`norm` and ReLU come before the pool where a backbone ends on a block's sum; "none": the plain pool-linear.

    `dropout` follows the pool.
    """
    return Linear(backbone.channels, context.labels.size, norm=choose_norm(norm, context.task), dropout=dropout)

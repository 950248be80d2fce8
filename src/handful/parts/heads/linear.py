"""Linear head: BN-ReLU-average pool-linear (CvS, section V-B), or the plain pool-linear of ResNet.

The VIPF paper's "dual pool" (table 5) joins an average and a maximum; it does not say how. We take their mean, timm's
"avgmax": features keep their length, whereas concatenation would double the classifier.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone, Output
from handful.models.norm import NormName, choose_norm, norm_layer
from handful.parts.heads._pooling import Compare

class_weights = True
multilabel = True
Pool = Literal["avg", "dual"]


def check_pool(pool: str) -> None:
    """Refuse an unknown pool.

    Raises:
        ValueError: it is neither.
    """
    if pool not in ("avg", "dual"):
        raise ValueError(f"pool must be avg or dual, not {pool!r}")


class Linear(nn.Module):
    """Average over space, then one linear layer to the label embedding's size."""

    def __init__(self, channels: int, size: int, *, norm: NormName, dropout: float, pool: Pool = "avg") -> None:
        super().__init__()
        self.pool: Pool = pool
        self.norm = None if norm == "none" else norm_layer(norm, channels)
        self.linear = nn.Linear(channels, size)
        self.dropout = dropout

    def forward(self, maps: Float[Tensor, "n c h w"], *, size: tuple[int, int], compare: Compare) -> Output:  # noqa: ARG002
        """Embedding and class logits; no pixel maps."""
        if self.norm is not None:
            maps = F.relu(self.norm(maps))
        features = maps.mean(dim=(2, 3)).float()
        if self.pool == "dual":
            features = (features + maps.amax(dim=(2, 3)).float()) / 2
        with torch.autocast(maps.device.type, enabled=False):  # bfloat16 scores would tie
            embedding = self.linear(F.dropout(features, self.dropout, self.training))
            return Output(embedding, compare(embedding), features)


def build(
    context: Context, *, backbone: Backbone, norm: NormName = "batch", dropout: float = 0.0, pool: Pool = "avg"
) -> nn.Module:
    """Build the linear head.

    Args:
        context: gives the embedding's size, and the number of images for norm "auto".
        backbone: what the maps come from.
        norm: norm before ReLU and pool, for backbones that end on a residual sum: "batch", "group", or "auto" by the
            number of images; "none" leaves both norm and ReLU out.
        dropout: dropout rate of the pooled features.
        pool: "avg", or "dual" for the mean of average and maximum.

    Raises:
        ValueError: unknown pool.
    """
    check_pool(pool)
    norm = choose_norm(norm, context.task)
    return Linear(backbone.channels, context.labels.size, norm=norm, dropout=dropout, pool=pool)

"""Cosine classifier: the scaled product of features and learned class weights, both of length 1.

Wang et al. 2018 (https://arxiv.org/abs/1801.09414); LDAM trains it (Cao et al. 2019). Class vectors that are given
rather than learned (soft labels) need no head of their own: head `linear` gives an embedding of their size, and the
labels compare it by cosine. Under such labels this head works as well, and its scale changes nothing.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.models.norm import NormName, choose_norm
from handful.parts.heads.linear import Linear, Pool, check_pool


class CosineLayer(nn.Linear):
    """Cosines of features and weight rows, times `scale`; no bias."""

    def __init__(self, features: int, classes: int, scale: float) -> None:
        super().__init__(features, classes, bias=False)
        self.scale = scale

    def forward(self, input: Float[Tensor, "n c"]) -> Float[Tensor, "n k"]:  # noqa: A002
        """From -scale to scale."""
        return self.scale * F.linear(F.normalize(input), F.normalize(self.weight))


def build(
    context: Context,
    *,
    backbone: Backbone,
    scale: float = 30.0,
    norm: NormName = "batch",
    dropout: float = 0.0,
    pool: Pool = "avg",
) -> nn.Module:
    """Build the cosine classifier.

    Args:
        context: gives the embedding's size, and the number of images for norm "auto".
        backbone: what the maps come from.
        scale: largest logit; 30 is that of Cao et al.
        norm: norm before ReLU and pool: "batch", "group", or "auto" by the number of images; "none" leaves out both
            norm and ReLU.
        dropout: dropout rate of the pooled features.
        pool: "avg", or "dual" for the mean of average and maximum.

    Raises:
        ValueError: unknown pool, or a scale not above 0.
    """
    check_pool(pool)
    if not scale > 0:
        raise ValueError(f"scale must be above 0, not {scale}")
    head = Linear(
        backbone.channels, context.labels.size, norm=choose_norm(norm, context.task), dropout=dropout, pool=pool
    )
    head.linear = CosineLayer(backbone.channels, context.labels.size, scale)
    return head

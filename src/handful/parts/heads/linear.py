"""Linear head: BN-ReLU-average pool-linear (CvS, section V-B), or the plain pool-linear of ResNet.

The VIPF paper's "dual pool" (table 5) joins an average and a maximum; it does not say how. "dual" takes their mean,
timm's "avgmax": features keep their number, but maxima are several times as large as averages, and a step on the last
layer meets that squared. "concat" puts them end to end, timm's "catavgmax". `feature_norm` brings either to one scale.

`nested` is nested dropout (Rippel et al. 2014, https://arxiv.org/abs/1402.0915), for wrong labels as in Chen et al.
2021, https://arxiv.org/abs/2104.13766: each batch keeps the first k features, P(k) in proportion to exp(-(k /
nested)^2), so that features are ordered by use and few of them carry the classes. The paper looks for the best k on
clean images; here prediction keeps the features that one batch in a hundred kept, as clean images are not known.
"""

from typing import Literal, get_args

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
number = True
Pool = Literal["avg", "dual"]
JoinedPool = Literal["avg", "dual", "concat"]
FeatureNorm = Literal["none", "layer"]
SMALLEST_SCALE = 0.1
SELDOM = 0.01  # features that fewer batches kept are hardly trained


def check_pool(pool: str) -> None:
    """Refuse an unknown pool of a head that does not concatenate.

    Raises:
        ValueError: it is neither.
    """
    if pool not in ("avg", "dual"):
        raise ValueError(f"pool must be avg or dual, not {pool!r}")


def check_feature_norm(name: str) -> None:
    """Refuse an unknown norm of features.

    Raises:
        ValueError: it is neither.
    """
    if name not in get_args(FeatureNorm):
        raise ValueError(f"feature_norm must be none or layer, not {name!r}")


def kept_probabilities(features: int, nested: float) -> Float[Tensor, " f"]:
    """The probability under nested dropout that each feature is kept: 1 for the first, falling.

    Args:
        features: their number.
        nested: scale of the number of features that are kept.
    """
    ranks = torch.arange(1, features + 1)
    shares = (-((ranks / nested) ** 2)).softmax(dim=0)
    return shares.flip(0).cumsum(0).flip(0)


class Linear(nn.Module):
    """Average over space, then one linear layer to the label embedding's size."""

    def __init__(
        self,
        channels: int,
        size: int,
        *,
        norm: NormName,
        dropout: float,
        pool: JoinedPool = "avg",
        feature_norm: FeatureNorm = "none",
        nested: float = 0.0,
    ) -> None:
        super().__init__()
        self.pool: JoinedPool = pool
        self.norm = None if norm == "none" else norm_layer(norm, channels)
        features = 2 * channels if pool == "concat" else channels
        self.linear = nn.Linear(features, size)
        self.feature_norm = nn.LayerNorm(features) if feature_norm == "layer" else None
        self.dropout = dropout
        self.kept = kept_probabilities(features, nested) if nested > 0 else None

    def forward(self, maps: Float[Tensor, "n c h w"], *, size: tuple[int, int], compare: Compare) -> Output:  # noqa: ARG002
        """Embedding and class logits; no pixel maps."""
        if self.norm is not None:
            maps = F.relu(self.norm(maps))
        features = self._pooled(maps)
        with torch.autocast(maps.device.type, enabled=False):  # bfloat16 scores would tie
            if self.feature_norm is not None:
                features = self.feature_norm(features)
            first = features if self.kept is None else features * self._first_features(self.kept).to(features)
            embedding = self.linear(F.dropout(first, self.dropout, self.training))
            return Output(embedding, compare(embedding), features if self.training else first)

    def _first_features(self, kept: Float[Tensor, " f"]) -> Float[Tensor, " f"]:
        """1 for the features that are kept, 0 for those behind them; in training drawn for each batch."""
        least = torch.rand(()) if self.training else torch.tensor(SELDOM)
        return (kept >= least).float()

    def _pooled(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n f"]:
        average = maps.mean(dim=(2, 3)).float()
        if self.pool == "avg":
            return average
        largest = maps.amax(dim=(2, 3)).float()
        return (average + largest) / 2 if self.pool == "dual" else torch.cat([average, largest], dim=1)


def build(
    context: Context,
    *,
    backbone: Backbone,
    norm: NormName = "batch",
    dropout: float = 0.0,
    pool: JoinedPool = "avg",
    feature_norm: FeatureNorm = "none",
    nested: float = 0.0,
) -> nn.Module:
    """Build the linear head.

    Args:
        context: gives the embedding's size, and the number of images for norm "auto".
        backbone: what the maps come from.
        norm: norm before ReLU and pool, for backbones that end on a residual sum: "batch", "group", or "auto" by the
            number of images; "none" leaves both norm and ReLU out.
        dropout: dropout rate of the pooled features.
        pool: "avg", "dual" for the mean of average and maximum, or "concat" for both end to end.
        feature_norm: "layer" normalizes the pooled features of each image (layer norm with scale and shift learned)
            before dropout and the linear layer: of use with the larger features of "dual" and "concat".
        nested: scale of nested dropout in features, 0.1 or more; the paper takes 10 of 512 on CIFAR-10. 0: none.

    Raises:
        ValueError: unknown pool or feature norm, or nested out of range.
    """
    if nested != 0 and not nested >= SMALLEST_SCALE:
        raise ValueError(f"nested must be 0, or {SMALLEST_SCALE} or more, not {nested!r}")
    if pool != "concat":
        check_pool(pool)
    check_feature_norm(feature_norm)
    return Linear(
        backbone.channels,
        context.labels.size,
        norm=choose_norm(norm, context.task),
        dropout=dropout,
        pool=pool,
        feature_norm=feature_norm,
        nested=nested,
    )

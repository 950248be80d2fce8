"""Learned prototypes: class scores by the distances of features to class vectors (Yang et al. 2018, GCPL).

Robust Classification with Convolutional Prototype Learning, https://arxiv.org/abs/1805.03438. A class's probability is
the sum over its prototypes of the softmax of -gamma times the squared distances to all prototypes. Prediction is by the
nearest prototype, as in the paper: outside training a class's logit is that of its nearest one. With one prototype per
class the two are the same. Pair it with the loss gcpl.

The prototypes start at random, with a length of about 1: from zeros, as in the authors' code, several prototypes of a
class would stay the same.
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

own_classes = True


class Prototypes(nn.Module):
    """Average over space, then the distances to `prototypes` [k per_class d]."""

    own_classes = True

    def __init__(
        self, channels: int, classes: int, per_class: int, size: int | None, *, gamma: float, norm: NormName
    ) -> None:
        super().__init__()
        self.norm = None if norm == "none" else norm_layer(norm, channels)
        self.linear = nn.Linear(channels, size) if size is not None else None
        d = channels if size is None else size
        self.prototypes = nn.Parameter(torch.randn(classes, per_class, d) / d**0.5)
        self.gamma = gamma

    def forward(self, maps: Float[Tensor, "n c h w"], *, size: tuple[int, int], compare: Compare) -> Output:  # noqa: ARG002
        """Embedding, class logits, and the squared distance to each class's nearest prototype."""
        if self.norm is not None:
            maps = F.relu(self.norm(maps))
        features = maps.mean(dim=(2, 3)).float()
        with torch.autocast(maps.device.type, enabled=False):
            embedding = features if self.linear is None else self.linear(features)
            distances = squared_distances(embedding, self.prototypes.flatten(0, 1))
            distances = distances.reshape(-1, *self.prototypes.shape[:2])
            nearest = distances.amin(dim=2)
            logits = (-self.gamma * distances).logsumexp(dim=2) if self.training else -self.gamma * nearest
        return Output(embedding, logits, features, distances=nearest)


def squared_distances(x: Float[Tensor, "n d"], to: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """Squared Euclidean distances."""
    return (x.square().sum(dim=1)[:, None] - 2 * x @ to.T + to.square().sum(dim=1)).clamp_min(0)


def build(
    context: Context,
    *,
    backbone: Backbone,
    per_class: int = 1,
    size: int | Literal["backbone"] = "backbone",
    gamma: float = 1.0,
    norm: NormName = "batch",
) -> nn.Module:
    """Build the head of learned prototypes.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        per_class: number of prototypes per class, the paper's K.
        size: length of a prototype, to which a linear layer brings the pooled features. "backbone": there is no layer.
        gamma: factor of the squared distances.
        norm: norm before ReLU and pool: "batch", "group", or "auto" by the number of images; "none" leaves out both
            norm and ReLU.

    Raises:
        ValueError: a number out of range.
    """
    length = None if size == "backbone" else size
    for name, value in (("per_class", per_class), ("size", 1 if length is None else length)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number from 1, not {value!r}")
    if not 0 < gamma <= 1000:
        raise ValueError(f"gamma must be above 0 and at most 1000, not {gamma!r}")
    norm = choose_norm(norm, context.task)
    classes = len(context.task.classes)
    return Prototypes(backbone.channels, classes, per_class, length, gamma=float(gamma), norm=norm)

"""Weighted k-nearest-neighbor classifier on frozen features.

As Wu et al. 2018 (https://arxiv.org/abs/1805.01978) and DINO (Caron et al. 2021, https://arxiv.org/abs/2104.14294):
each of the k neighbors votes for its class with weight exp(cosine / sharpness). A class's score is the logarithm of
its share of the votes; a thousandth of all votes is divided evenly among the classes, so that none is impossible. The
papers take a sharpness of 0.07 among 1.28 million images; ours was chosen on draws of CIFAR-10's training images.
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform, check_positive
from handful.parts.heads._fitted import Arrays, FittedHead

fitted = True
own_classes = True
multilabel = True
number = True


class NearestNeighbors(FittedHead):
    """Keeps the training images' features, `keys` [m c], and their classes, `values` [m k]."""

    names = ("keys", "values")
    start = 0.65

    def __init__(
        self, channels: int, classes: int, transform: FeatureTransform, *, neighbors: int, sharpness: float
    ) -> None:
        super().__init__(channels, classes, transform)
        self.neighbors, self.sharpness = neighbors, sharpness

    def learn(
        self,
        x: Float32[np.ndarray, "m c"],
        y: Int[np.ndarray, " m"],
        *,
        strength: float,  # noqa: ARG002
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The features as they are."""
        return {"keys": x, "values": np.eye(self.classes, dtype=np.float32)[y]}

    def learn_multilabel(
        self,
        x: Float32[np.ndarray, "m c"],
        targets: Float32[np.ndarray, "m k"],
        *,
        strength: float,  # noqa: ARG002
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The features and targets as they are."""
        return {"keys": x, "values": targets}

    def learn_numbers(
        self,
        x: Float32[np.ndarray, "m c"],
        targets: Float32[np.ndarray, "m k"],
        *,
        strength: float,
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The features and numbers as they are."""
        return self.learn_multilabel(x, targets, strength=strength)

    def score(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, "n k"]:
        """Logarithms of the classes' shares of the votes; of several labels per image, each class's log-odds.

        Of numbers, the mean of the neighbors' values, by the same weights.
        """
        cosines = F.normalize(x, dim=1) @ F.normalize(arrays["keys"], dim=1).T
        if self.link is not None:
            return torch.stack([self._share(cosines, column) for column in arrays["values"].T], dim=1)
        if self.multilabel:
            shares = [self._share(cosines, column) for column in arrays["values"].T]
            return torch.stack(shares, dim=1).mul(1 - 1e-3).add(5e-4).logit()
        near, index = cosines.topk(min(self.neighbors, len(arrays["keys"])), dim=1)
        votes = torch.einsum("nj,njk->nk", (near / self.sharpness).softmax(dim=1), arrays["values"][index])
        return (votes + 1e-3 / self.classes).log()

    def _share(self, cosines: Float[Tensor, "n m"], values: Float[Tensor, " m"]) -> Float[Tensor, " n"]:
        """The share of the votes for a class, of the nearest images of which its entry is known; half without any."""
        known = ~values.isnan()
        if not bool(known.any()):
            return cosines.new_full((len(cosines),), 0.5)
        near, index = cosines[:, known].topk(min(self.neighbors, int(known.sum())), dim=1)
        return ((near / self.sharpness).softmax(dim=1) * values[known][index]).sum(dim=1)


def build(
    context: Context,
    *,
    backbone: Backbone,
    neighbors: int = 20,
    sharpness: float = 0.15,
    transform: FeatureTransform = DEFAULT,
) -> nn.Module:
    """Build the k-nearest-neighbor head.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        neighbors: how many training images vote, the papers' k; all of them where there are fewer.
        sharpness: the papers' temperature tau: where the cosine is lower by this much, a vote is 2.7 times smaller.
        transform: options `center`, `l2` and `tukey`, see `FeatureTransform`.

    Raises:
        ValueError: an option out of range.
    """
    check_positive(neighbors=neighbors, sharpness=sharpness)
    if not isinstance(neighbors, int):
        raise ValueError(f"neighbors must be a whole number, not {neighbors!r}")
    classes = len(context.task.classes)
    return NearestNeighbors(backbone.channels, classes, transform, neighbors=neighbors, sharpness=float(sharpness))

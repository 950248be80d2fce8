"""Linear discriminant analysis on frozen features, with a shrinkage estimate of the covariance.

Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, section 4.3; shrinkage of Ledoit and Wolf 2004
(https://doi.org/10.1016/S0047-259X(03)00096-4), whose strength follows from the data. One covariance is estimated
for all classes together, from the deviations of the images from their class's mean. With one image of each class there
are none: the covariance is then the identity, and the class is that of the nearest mean.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Float32, Int
from scipy.linalg import cho_factor, cho_solve
from sklearn.covariance import ledoit_wolf, shrunk_covariance
from torch import nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform
from handful.parts.heads._fitted import class_means
from handful.parts.heads._linear_scores import LinearScores

fitted = True
own_classes = True


class Discriminant(LinearScores):
    """Keeps `weight` and `bias`."""

    start = 0.1

    def __init__(
        self, channels: int, classes: int, transform: FeatureTransform, *, shrinkage: float | Literal["auto"]
    ) -> None:
        super().__init__(channels, classes, transform)
        self.shrinkage: float | Literal["auto"] = shrinkage

    def learn(
        self,
        x: Float32[np.ndarray, "m c"],
        y: Int[np.ndarray, " m"],
        *,
        strength: float,  # noqa: ARG002
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The linear discriminants of normal distributions, with priors by the classes' numbers of images."""
        means = class_means(x, y, self.classes).astype(np.float64)
        deviations = x - means[y]
        if np.square(deviations).sum() <= 1e-9 * np.square(means).sum():
            covariance = np.eye(x.shape[1])
        elif self.shrinkage == "auto":
            covariance, _ = ledoit_wolf(deviations, assume_centered=True)
        else:
            covariance = shrunk_covariance(deviations.T @ deviations / len(x), shrinkage=self.shrinkage)
        floor = 1e-6 * np.trace(covariance) / len(covariance)
        weight = cho_solve(cho_factor(covariance + floor * np.eye(len(covariance))), means.T).T
        prior = np.bincount(y, minlength=self.classes) / len(y)
        return {"weight": weight, "bias": np.log(prior) - (weight * means).sum(axis=1) / 2}


def build(
    context: Context,
    *,
    backbone: Backbone,
    shrinkage: float | Literal["auto"] = "auto",
    transform: FeatureTransform = DEFAULT,
) -> nn.Module:
    """Build the linear discriminant head.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        shrinkage: share of the identity in the covariance, from 0 (none) to 1; "auto": by Ledoit and Wolf's formula.
        transform: options `center`, `l2` and `tukey`, see `FeatureTransform`.

    Raises:
        ValueError: a shrinkage out of range.
    """
    if shrinkage != "auto" and (isinstance(shrinkage, bool | str) or not 0 <= shrinkage <= 1):
        raise ValueError(f'shrinkage must be "auto" or a number from 0 to 1, not {shrinkage!r}')
    return Discriminant(backbone.channels, len(context.task.classes), transform, shrinkage=shrinkage)

"""Nearest-centroid classifier on frozen features: SimpleShot (Wang et al. 2019, https://arxiv.org/abs/1911.04623).

With `center` and `l2` it is the paper's CL2N, with `l2` alone L2N, with neither UN. The paper subtracts the mean of the
base classes' images; here there are none, and the mean is that of the training images. A class's score is minus the
squared distance to its mean.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform
from handful.parts.heads._fitted import Arrays, FittedHead, class_means

fitted = True
own_classes = True
multilabel = True


class NearestCentroid(FittedHead):
    """Keeps `centroids` [k c]."""

    names = ("centroids",)
    start = 0.2

    def learn(
        self,
        x: Float32[np.ndarray, "m c"],
        y: Int[np.ndarray, " m"],
        *,
        strength: float,  # noqa: ARG002
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The classes' means."""
        return {"centroids": class_means(x, y, self.classes)}

    def learn_multilabel(
        self,
        x: Float32[np.ndarray, "m c"],
        targets: Float32[np.ndarray, "m k"],
        *,
        strength: float,  # noqa: ARG002
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The means of the images that are known not to show each class, and then of those that show it."""
        overall = x.mean(axis=0)
        means = [
            x[column == value].mean(axis=0) if (column == value).any() else overall
            for value in (0, 1)
            for column in targets.T
        ]
        return {"centroids": np.stack(means)}

    def score(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, "n k"]:
        """Minus the squared distances; of several labels per image, that to a class's absence minus its presence."""
        distances = torch.cdist(x, arrays["centroids"], compute_mode="donot_use_mm_for_euclid_dist").square()
        if self.multilabel:
            return distances[:, : self.classes] - distances[:, self.classes :]
        return -distances


def build(context: Context, *, backbone: Backbone, transform: FeatureTransform = DEFAULT) -> nn.Module:
    """Build the nearest-centroid head.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        transform: options `center`, `l2` and `tukey`, see `FeatureTransform`.

    Raises:
        ValueError: a power that is not above 0.
    """
    return NearestCentroid(backbone.channels, len(context.task.classes), transform)

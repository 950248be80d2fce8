"""Training-free Tip-Adapter: a cache model on frozen features (Zhang et al. 2022, https://arxiv.org/abs/2207.09519).

The training images' features are keys, their labels values; an image adds to each class's score alpha times the sum of
exp(-beta (1 - cosine)) over the class's keys (equations 4 and 5). The paper adds this to CLIP's scores for the
classes' names. Here the means of the classes' features take the place of these text features: the base score is the
cosine with the class's mean, times `scale`, as CLIP multiplies its cosines (by 100).

The paper searches alpha and beta on a validation set. Here alpha is selected by cross-validation on the training
images, and beta is the paper's; with fewer than two images of a class alpha is the paper's 1.
"""

from typing import Literal

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform, check_positive
from handful.parts.heads._fitted import Arrays, FittedHead, class_means, strengths_of

fitted = True
own_classes = True
GRID = (1.0, 0.1, 0.3, 3.0, 10.0)


class TipAdapter(FittedHead):
    """Keeps `keys` [m c], `values` [m k], `centroids` [k c] and the chosen `alpha` [1]."""

    names = ("keys", "values", "centroids", "alpha")

    def __init__(self, channels: int, classes: int, transform: FeatureTransform, *, beta: float, scale: float) -> None:
        super().__init__(channels, classes, transform)
        self.beta, self.scale = beta, scale

    def learn(
        self, x: Float32[np.ndarray, "m c"], y: Int[np.ndarray, " m"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The cache and the class means."""
        values = np.eye(self.classes, dtype=np.float32)[y]
        centroids = class_means(x, y, self.classes)
        return {"keys": x, "values": values, "centroids": centroids, "alpha": np.array([strength], np.float32)}

    def score(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, "n k"]:
        """Base score plus alpha times the cache's."""
        x = F.normalize(x, dim=1)
        near = (self.beta * (x @ F.normalize(arrays["keys"], dim=1).T - 1)).exp()
        base = self.scale * x @ F.normalize(arrays["centroids"], dim=1).T
        return base + arrays["alpha"] * (near @ arrays["values"])


def build(
    context: Context,
    *,
    backbone: Backbone,
    alpha: float | Literal["auto"] = "auto",
    beta: float = 5.5,
    scale: float = 10.0,
    transform: FeatureTransform = DEFAULT,
) -> nn.Module:
    """Build the Tip-Adapter head.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        alpha: weight of the cache's score, the paper's residual ratio; or "auto": the best of `GRID` in
            cross-validation.
        beta: decay of a key's weight with its cosine distance, the paper's sharpness ratio.
        scale: factor of the base score's cosines.
        transform: options `center`, `l2` and `tukey`, see `FeatureTransform`.

    Raises:
        ValueError: an option out of range.
    """
    check_positive(beta=beta, scale=scale)
    classes = len(context.task.classes)
    head = TipAdapter(backbone.channels, classes, transform, beta=float(beta), scale=float(scale))
    head.strengths = strengths_of(alpha, GRID, name="alpha")
    return head

"""Mean pooling of bags: multinomial logistic regression on the mean of the features of a bag's images.

A linear classifier of the mean is the mean of a linear classifier of the images, which gives each image its score. The
control of methods that look for the images that matter (Ilse et al. 2018, https://arxiv.org/abs/1802.04712, section 2).
"""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._bags import BagHead, Bags, means_of_bags
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform
from handful.parts.heads._fitted import strengths_of
from handful.parts.heads._linear_scores import LinearScores
from handful.parts.heads._regression import regression

fitted = True
own_classes = True
bag = True
needs_bag = True
GRID = (100.0, 10.0, 1000.0, 10000.0)


class BagMean(BagHead, LinearScores):
    """Keeps `weight` and `bias`."""

    start = 0.1

    def learn_bags(self, bags: Bags, *, strength: float, seed: int) -> dict[str, Float[np.ndarray, "..."]]:  # noqa: ARG002
        """Scikit-learn's solution, by L-BFGS."""
        means = means_of_bags(torch.from_numpy(bags.x), torch.from_numpy(bags.index), len(bags.labels))
        weight, bias = regression(means.numpy(), bags.labels, strength)
        return {"weight": weight, "bias": bias}

    def bag_logits(
        self,
        logits: Float[Tensor, "n k"],
        attention: Float[Tensor, " n"] | None,  # noqa: ARG002
        index: Int[Tensor, " n"],
        bags: int,
    ) -> Float[Tensor, "b k"]:
        """The mean over a bag's images."""
        return means_of_bags(logits, index, bags)


def build(
    context: Context,
    *,
    backbone: Backbone,
    C: float | Literal["auto"] = "auto",
    transform: FeatureTransform = DEFAULT,
) -> nn.Module:
    """Build the head.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        C: inverse penalty, or "auto": the best of `GRID` in cross-validation over the bags.
        transform: options `center`, `l2` and `tukey`, see `FeatureTransform`.

    Raises:
        ValueError: a C or a power that is not above 0.
    """
    head = BagMean(backbone.channels, len(context.task.classes), transform)
    head.strengths = strengths_of(C, GRID, name="C")
    return head

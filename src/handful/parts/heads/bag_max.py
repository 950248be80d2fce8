"""Max pooling of bags: a linear classifier of images, and a bag is as positive as its most positive image.

The log-odds of each class against the negative one are the highest of the bag's images (Ilse et al. 2018,
https://arxiv.org/abs/1802.04712, section 2). Trained by full-batch Adam from weights of zero, where all images of a bag
are its maximum and the gradient is that of mean pooling: random weights would choose the images that matter by chance.
"""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._bags import BagHead, Bags, maxima_of_bags, minimize, negative_class
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform
from handful.parts.heads._fitted import strengths_of
from handful.parts.heads._linear_scores import LinearScores

fitted = True
own_classes = True
bag = True
needs_bag = True
GRID = (1.0, 10.0, 0.1)
STEPS, LR = 100, 0.01
SCALE = 10.0  # of features of length 1, so that a step of the optimizer moves scores by a fair amount


class BagMax(BagHead, LinearScores):
    """Keeps `weight` and `bias`."""

    start = 1.0
    components = 128
    negative: int = 0

    def learn_bags(self, bags: Bags, *, strength: float, seed: int) -> dict[str, Float[np.ndarray, "..."]]:  # noqa: ARG002
        """The classifier of least cross-entropy of the bags."""
        x, index = SCALE * torch.from_numpy(bags.x), torch.from_numpy(bags.index)
        labels = torch.from_numpy(bags.labels)
        weight = torch.zeros((self.classes, x.shape[1]), requires_grad=True)
        bias = torch.zeros(self.classes, requires_grad=True)

        def loss() -> Tensor:
            logits = self.bag_logits(F.linear(x, weight, bias), None, index, len(labels))
            return F.cross_entropy(logits, labels)

        minimize([weight], [bias], loss, steps=STEPS, lr=LR, penalty=strength)
        return {"weight": SCALE * weight.detach().numpy(), "bias": bias.detach().numpy()}

    def bag_logits(
        self,
        logits: Float[Tensor, "n k"],
        attention: Float[Tensor, " n"] | None,  # noqa: ARG002
        index: Int[Tensor, " n"],
        bags: int,
    ) -> Float[Tensor, "b k"]:
        """The highest log-odds against the negative class."""
        return maxima_of_bags(logits - logits[:, self.negative, None], index, bags)


def build(
    context: Context,
    *,
    backbone: Backbone,
    penalty: float | Literal["auto"] = "auto",
    negative: str | None = None,
    transform: FeatureTransform = DEFAULT,
) -> nn.Module:
    """Build the head.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        penalty: on the squares of the weights, or "auto": the best of `GRID` in cross-validation over the bags.
        negative: the class of bags without a positive image; None: recognized by its name, such as negative or normal.
        transform: options `center`, `l2` and `tukey`, see `FeatureTransform`.

    Raises:
        RecipeError: the negative class is not known.
        ValueError: a penalty or a power that is not above 0.
    """
    head = BagMax(backbone.channels, len(context.task.classes), transform)
    head.negative = negative_class(negative, context.task.classes, where="heads/bag_max")
    head.strengths = strengths_of(penalty, GRID, name="penalty")
    return head

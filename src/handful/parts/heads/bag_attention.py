"""Attention pooling of bags: a linear classifier of a weighted mean of images, whose weights are learnt.

Gated attention of Ilse, Tomczak and Welling 2018 (https://arxiv.org/abs/1802.04712, equation 9) on frozen features:
the weight of an image is the softmax over its bag of w (tanh(V h) * sigmoid(U h)). Trained by full-batch Adam; w and
the classifier start at zero, which is mean pooling.
"""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._bags import BagHead, Bags, minimize, weights_in_bags
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform
from handful.parts.heads._fitted import Arrays, strengths_of

fitted = True
own_classes = True
bag = True
needs_bag = True
GRID = (0.1, 0.01, 1.0)
STEPS, LR = 100, 0.01
SCALE = 10.0  # of features of length 1, so that a step of the optimizer moves scores by a fair amount


class BagAttention(BagHead):
    """Keeps the attention's layers `tanh`, `gate` [h c] and `score_of` [1 h], and `weight` and `bias`."""

    names = ("tanh", "gate", "score_of", "weight", "bias")
    start = 1.0
    components = 128
    spanning = ("tanh", "gate", "weight")

    def __init__(self, channels: int, classes: int, transform: FeatureTransform, *, hidden: int) -> None:
        super().__init__(channels, classes, transform)
        self.hidden = hidden

    def learn_bags(self, bags: Bags, *, strength: float, seed: int) -> dict[str, Float[np.ndarray, "..."]]:
        """The network of least cross-entropy of the bags."""
        x, index = torch.from_numpy(bags.x), torch.from_numpy(bags.index)
        labels, c = torch.from_numpy(bags.labels), x.shape[1]
        generator = torch.Generator().manual_seed(seed % 2**63)
        arrays = {n: torch.randn((self.hidden, c), generator=generator).div_(c**0.5) for n in ("tanh", "gate")}
        arrays |= {"score_of": torch.zeros(1, self.hidden), "weight": torch.zeros(self.classes, c)}
        weights = [value.requires_grad_() for value in arrays.values()]
        arrays["bias"] = torch.zeros(self.classes, requires_grad=True)

        def loss() -> Tensor:
            logits = self.bag_logits(self.score(x, arrays), self.attend(x, arrays), index, len(labels))
            return F.cross_entropy(logits, labels)

        minimize(weights, [arrays["bias"]], loss, steps=STEPS, lr=LR, penalty=strength)
        return {name: value.detach().numpy() for name, value in arrays.items()}

    def score(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, "n k"]:
        """One score per class."""
        return F.linear(SCALE * x, arrays["weight"], arrays["bias"])

    def attend(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, " n"] | None:
        """The gated attention of each image."""
        hidden = F.linear(SCALE * x, arrays["tanh"]).tanh() * F.linear(SCALE * x, arrays["gate"]).sigmoid()
        return F.linear(hidden, arrays["score_of"])[:, 0]

    def bag_logits(
        self, logits: Float[Tensor, "n k"], attention: Float[Tensor, " n"] | None, index: Int[Tensor, " n"], bags: int
    ) -> Float[Tensor, "b k"]:
        """The weighted mean over a bag's images."""
        assert attention is not None, "images have an attention each"
        weights = weights_in_bags(attention, index, bags)
        return logits.new_zeros(bags, logits.shape[1]).index_add(0, index, weights[:, None] * logits)


def build(
    context: Context,
    *,
    backbone: Backbone,
    penalty: float | Literal["auto"] = "auto",
    hidden: int = 128,
    transform: FeatureTransform = DEFAULT,
) -> nn.Module:
    """Build the head.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        penalty: on the squares of the weights, or "auto": the best of `GRID` in cross-validation over the bags.
        hidden: units of the attention.
        transform: options `center`, `l2` and `tukey`, see `FeatureTransform`.

    Raises:
        ValueError: a penalty or a power that is not above 0, or hidden that is no whole number from 1 on.
    """
    if isinstance(hidden, bool) or not isinstance(hidden, int) or not 0 < hidden <= 4096:
        raise ValueError(f"hidden must be a whole number from 1 to 4096, not {hidden!r}")
    head = BagAttention(backbone.channels, len(context.task.classes), transform, hidden=hidden)
    head.strengths = strengths_of(penalty, GRID, name="penalty")
    return head

"""Positive-class loss: cross-entropy plus one minus the cosine between prediction and target (VIPF, equation 5).

-l . log p + 1 - cos(l, p), with the prediction p, the softmax of the logits, and the target l, the batch's class
probabilities. Of the binary cross-entropy that the paper prints as equation 4 only the positive term is used, which is
the softmax cross-entropy; the cosine is that of Barz and Denzler 2020, https://arxiv.org/abs/1901.09054. Smoothed and
mixed targets enter both terms: the cosine is then 1 where the prediction equals the target.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._targets import check_smoothing, smooth, soft_cross_entropy

soft_targets = True


class PositiveClass:
    """Positive-class loss of each image; 0 for an image without a label."""

    def __init__(self, smoothing: float) -> None:
        self.smoothing = smoothing

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats, plus 1 - cosine, in [0, 1]."""
        targets = smooth(batch.targets, self.smoothing)
        cosine = F.cosine_similarity(targets, output.logits.softmax(dim=1), dim=1)
        return soft_cross_entropy(output.logits, targets) + batch.targets.sum(dim=1) * (1 - cosine)


def build(context: Context, *, smoothing: float = 0.0) -> PositiveClass:  # noqa: ARG001
    """Positive-class loss.

    Args:
        context: not used.
        smoothing: label smoothing, in [0, 1). The paper smooths but is silent on the amount; our default is none.

    Raises:
        ValueError: smoothing is not in [0, 1).
    """
    check_smoothing(smoothing)
    return PositiveClass(smoothing)

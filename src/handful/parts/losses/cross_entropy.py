"""Softmax cross-entropy of the class logits with the batch's target probabilities.

Label smoothing and class weights are optional. A weight belongs to a target, so mixed and smoothed targets cost the
weighted mixture of what their classes cost, as with PyTorch's class probabilities.
"""

from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._priors import Reweight, class_weights
from handful.parts.losses._targets import check_smoothing, smooth, soft_cross_entropy


class CrossEntropy(nn.Module):
    """One value per image; 0 for an image without a label."""

    weights: Tensor | None

    def __init__(self, smoothing: float, weights: Float[Tensor, " k"] | None = None) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats."""
        targets = smooth(batch.targets, self.smoothing)
        return soft_cross_entropy(output.logits, targets if self.weights is None else targets * self.weights)


def build(
    context: Context, *, smoothing: float = 0.0, reweight: Reweight = "none", beta: float = 0.9999
) -> CrossEntropy:
    """Cross-entropy.

    Args:
        context: gives the training images of each class.
        smoothing: moves that share of each target to all classes evenly.
        reweight: "inverse" (1 / n) or "effective" (1 / effective number, Cui et al. 2019,
            https://arxiv.org/abs/1901.05555) weights each class; on average over the training images the weight is 1.
        beta: of the effective number.

    Raises:
        ValueError: smoothing or beta not in [0, 1), or another reweight.
    """
    check_smoothing(smoothing)
    weights = class_weights(context.task.counts, reweight, beta)
    return CrossEntropy(smoothing, None if reweight == "none" else weights)

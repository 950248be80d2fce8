"""Softmax cross-entropy of the class logits with the batch's target probabilities.

Label smoothing and class weights are optional. A weight multiplies a class's target, so the loss of mixed and smoothed
targets is the weighted mixture of the classes' losses, as in `torch.nn.CrossEntropyLoss` with class probabilities.
"""

from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._priors import Reweight, class_weights
from handful.parts.losses._targets import check_smoothing, smooth, soft_cross_entropy


class CrossEntropy(nn.Module):
    """Cross-entropy of each image; 0 for an image without a label."""

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
        context: the number of training images of each class.
        smoothing: label smoothing, in [0, 1): the share of each target that is spread evenly over all classes.
        reweight: class weights: "none", "inverse" (1 / n) or "effective" (1 / effective number, Cui et al. 2019,
            https://arxiv.org/abs/1901.05555). Their mean over the training images is 1.
        beta: of the effective number, in [0, 1); used with "effective".

    Raises:
        ValueError: smoothing or beta is not in [0, 1), or `reweight` is unknown.
    """
    check_smoothing(smoothing)
    weights = class_weights(context.task.counts, reweight, beta)
    return CrossEntropy(smoothing, None if reweight == "none" else weights)

"""Class-balanced focal loss (Cui et al. 2019, https://arxiv.org/abs/1901.05555, eq. 10 and 11).

The focal loss of Lin et al. 2017 (https://arxiv.org/abs/1708.02002) times 1 / effective number of the label's images.
As in the paper the weights sum to the number of classes. On a long tail the mean weight of an image is then well below
1, which acts like a smaller learning rate.

The loss of a mixed image is the mixture of its classes' losses. The paper initializes the last layer's biases to
log(1 / (k - 1)), where a sigmoid is 1 / k; here the head initializes them. Predicted probabilities are softmaxes of the
logits, as everywhere: after training with the sigmoid they rank the classes but are not calibrated.
"""

from typing import Literal, get_args

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._priors import check_beta, effective_number

soft_targets = True

Form = Literal["sigmoid", "softmax"]


class ClassBalancedFocal(nn.Module):
    """Class-balanced focal loss of each image; 0 for an image without a label."""

    weights: Tensor

    def __init__(self, weights: Float[Tensor, " k"], gamma: float, form: Form) -> None:
        super().__init__()
        self.gamma, self.form = gamma, form
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Weighted focal loss in nats."""
        logits, targets = output.logits.float(), batch.targets * self.weights
        if self.form == "softmax":
            return (targets * self._focal(logits.log_softmax(dim=1))).sum(dim=1)
        positive, negative = self._focal(F.logsigmoid(logits)), self._focal(F.logsigmoid(-logits))
        return (targets * (positive + negative.sum(dim=1, keepdim=True) - negative)).sum(dim=1)

    def _focal(self, log_probability: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """-(1 - p)^gamma log p; -expm1 keeps the gradient of a small 1 - p."""
        complement = (-log_probability.expm1()).clamp_min(1e-12)
        return -complement.pow(self.gamma) * log_probability


def build(context: Context, *, beta: float = 0.9999, gamma: float = 1.0, form: Form = "sigmoid") -> ClassBalancedFocal:
    """Class-balanced focal loss.

    The paper searches beta in 0.9, 0.99, 0.999, 0.9999 and gamma in 0.5, 1, 2 for each data set.

    Args:
        context: the number of training images of each class.
        beta: of the effective number, in [0, 1). 0 weights all classes equally; with a hundred images or fewer per
            class 0.9999 is close to 1 / n.
        gamma: focusing parameter, 0 or more: the larger, the less a confident and correct prediction counts.
        form: "sigmoid", the paper's sum of k binary losses, or "softmax", the focal loss of the label's probability.

    Raises:
        ValueError: a number is out of range, or `form` is unknown.
    """
    check_beta(beta)
    if not gamma >= 0:
        raise ValueError(f"gamma must be 0 or more, not {gamma}")
    if form not in get_args(Form):
        raise ValueError(f"form must be one of {', '.join(get_args(Form))}, not {form!r}")
    weights = 1 / effective_number(context.task.counts, beta)
    return ClassBalancedFocal(weights * len(weights) / weights.sum(), gamma, form)

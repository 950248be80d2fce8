"""Class-balanced focal loss (Cui et al. 2019, https://arxiv.org/abs/1901.05555, eq. 10 and 11).

The focal loss of Lin et al. 2017 (https://arxiv.org/abs/1708.02002), times 1 / effective number of the label's images.
As in the paper the weights add up to the number of classes. On a long tail most images then weigh little: their mean
weight is well below 1, and the learning rate acts as if it were multiplied by it.

Mixed targets cost the mixture of what their classes cost. The paper starts the last layer's biases at log(1 / (k - 1)),
where a sigmoid says 1 / k; here they start as the head starts them. Predicted probabilities are softmaxes of the
logits, as everywhere: of logits trained with the sigmoid they rank the classes and are no calibrated chances.
"""

from typing import Literal, get_args

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._priors import check_beta, effective_number

Form = Literal["sigmoid", "softmax"]


class ClassBalancedFocal(nn.Module):
    """One value per image; 0 for an image without a label."""

    weights: Tensor

    def __init__(self, weights: Float[Tensor, " k"], gamma: float, form: Form) -> None:
        super().__init__()
        self.gamma, self.form = gamma, form
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Focal loss in nats, weighted."""
        logits, targets = output.logits.float(), batch.targets * self.weights
        if self.form == "softmax":
            found = logits.log_softmax(dim=1)
            return (targets * self._focal(found)).sum(dim=1)
        present, absent = self._focal(F.logsigmoid(logits)), self._focal(F.logsigmoid(-logits))
        return (targets * (present + absent.sum(dim=1, keepdim=True) - absent)).sum(dim=1)

    def _focal(self, log_probability: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """-(1 - p)^gamma log p; -expm1 keeps the gradient of a small 1 - p."""
        missing = (-log_probability.expm1()).clamp_min(1e-12)
        return -missing.pow(self.gamma) * log_probability


def build(context: Context, *, beta: float = 0.9999, gamma: float = 1.0, form: Form = "sigmoid") -> ClassBalancedFocal:
    """The paper searches beta in 0.9, 0.99, 0.999, 0.9999 and gamma in 0.5, 1, 2 for each data set.

    Args:
        context: gives the images of each class.
        beta: in [0, 1); 0 weighs all classes alike. With a hundred images or fewer per class 0.9999 is nearly 1 / n.
        gamma: 0 or more; how much less an image counts that is classified right and surely.
        form: "sigmoid", the paper's: a yes-or-no question for each class, summed. "softmax": the label's alone.

    Raises:
        ValueError: a number out of range, or another form.
    """
    check_beta(beta)
    if not gamma >= 0:
        raise ValueError(f"gamma must be 0 or more, not {gamma}")
    if form not in get_args(Form):
        raise ValueError(f"form is one of {', '.join(get_args(Form))}, not {form!r}")
    weights = 1 / effective_number(context.task.counts, beta)
    return ClassBalancedFocal(weights * len(weights) / weights.sum(), gamma, form)

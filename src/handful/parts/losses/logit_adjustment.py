"""Logit-adjusted loss: cross-entropy of logits + tau log prior (Menon et al. 2021, eq. 10).

https://arxiv.org/abs/2007.07314. The prior is each class's share of the training images. Prediction uses the logits as
they are. `posthoc/logit_adjustment` is the form that changes a trained network's predictions instead: use one of the
two, and no balanced sampler. Cosine logits need a low temperature: see `balanced_softmax`.
"""

import torch

from handful.core.context import Context
from handful.parts.losses._priors import ShiftedCrossEntropy

soft_targets = True


def build(context: Context, *, tau: float = 1.0) -> ShiftedCrossEntropy:
    """Logit-adjusted cross-entropy.

    Args:
        context: the number of training images of each class.
        tau: strength, 0 or more. 1 is consistent for the balanced error; 0 is plain cross-entropy.

    Raises:
        ValueError: tau is negative.
    """
    if not tau >= 0:
        raise ValueError(f"tau must be 0 or more, not {tau}")
    counts = torch.from_numpy(context.task.counts).float()
    return ShiftedCrossEntropy(tau * (counts / counts.sum()).log())

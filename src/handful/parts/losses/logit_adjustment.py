"""Logit-adjusted loss: cross-entropy of logits + tau log prior (Menon et al. 2021, eq. 10).

https://arxiv.org/abs/2007.07314. The prior is each class's share of the training images. Prediction uses the plain
logits. The form that changes a trained network's predictions instead is `posthoc/logit_adjustment`: take one of them,
not both, and no balanced sampler.

With cosine logits the shift must be within their reach, as `balanced_softmax` says.
"""

import torch

from handful.core.context import Context
from handful.parts.losses._priors import ShiftedCrossEntropy


def build(context: Context, *, tau: float = 1.0) -> ShiftedCrossEntropy:
    """`tau`: strength; 1 makes the balanced error consistent, 0 is plain cross-entropy.

    Raises:
        ValueError: it is negative.
    """
    if not tau >= 0:
        raise ValueError(f"tau must be 0 or more, not {tau}")
    counts = torch.from_numpy(context.task.counts).float()
    return ShiftedCrossEntropy(tau * (counts / counts.sum()).log())

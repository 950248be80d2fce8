"""Balanced softmax: cross-entropy of logits + log n_c, n_c a class's training images (Ren et al. 2020, eq. 3).

https://arxiv.org/abs/2007.10740. The network learns what the logits would be if classes came alike; prediction uses the
plain logits. This is `logit_adjustment` with tau = 1, under its other name; not to be had together with a balanced
sampler, which has removed the prior already.

With cosine logits the shift must be within their reach: they lie within 1 / temperature of 0, and log(n_max / n_min) is
4.6 at a ratio of 100. At the temperature 1 no embedding could make up for it; take 0.1 or less.
"""

import torch

from handful.core.context import Context
from handful.parts.losses._priors import ShiftedCrossEntropy


def build(context: Context) -> ShiftedCrossEntropy:
    """No options."""
    return ShiftedCrossEntropy(torch.from_numpy(context.task.counts).float().log())

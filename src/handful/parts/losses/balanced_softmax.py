"""Balanced softmax: cross-entropy of logits + log n_c, n_c a class's training images (Ren et al. 2020, eq. 3).

https://arxiv.org/abs/2007.10740. The network learns the logits of equally frequent classes, and prediction uses them as
they are. It equals `logit_adjustment` with tau = 1. Do not combine it with a balanced sampler, which removes the prior
already.

Cosine logits lie within 1 / temperature of 0, while log(n_max / n_min) is 4.6 at a ratio of 100: at temperature 1 no
embedding can compensate the shift. Use a temperature of 0.1 or less.
"""

import torch

from handful.core.context import Context
from handful.parts.losses._priors import ShiftedCrossEntropy

soft_targets = True


def build(context: Context) -> ShiftedCrossEntropy:
    """Balanced softmax from `context.task.counts`. No options."""
    return ShiftedCrossEntropy(torch.from_numpy(context.task.counts).float().log())

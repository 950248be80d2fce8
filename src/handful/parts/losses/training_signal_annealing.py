"""Training signal annealing: cross-entropy of the labelled images that the network is not yet sure of.

UDA (Xie et al. 2020, section 2.3, https://arxiv.org/abs/1904.12848): with few labelled and many unlabelled images, a
labelled one counts only while the probability of its class is below eta = a (1 - 1/k) + 1/k. With t the share of the
stage that is done, a is t ("linear"), exp(5 (t - 1)) ("exponential": for few labels) or 1 - exp(-5 t)
("logarithmic"). The mean is over the images that count. Of an image with several candidates for its class, the
probability is their sum.
"""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.models.link import Softmax
from handful.parts.losses._processes import sum_over_processes
from handful.parts.losses._targets import soft_cross_entropy

soft_targets = True
candidates = True
mixes_images = True  # the mean is over the images of the batch that count
Schedule = Literal["linear", "exponential", "logarithmic"]


def threshold(schedule: Schedule, progress: float, classes: int) -> float:
    """eta: the probability from which a labelled image no longer counts."""
    a = {
        "linear": progress,
        "exponential": math.exp(5 * (progress - 1)),
        "logarithmic": 1 - math.exp(-5 * progress),
    }[schedule]
    return a * (1 - 1 / classes) + 1 / classes


class TrainingSignalAnnealing:
    """Cross-entropy of each image that counts; 0 for the others, and for an image without a label or candidates."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats, times the labelled images over those that count: the mean is over the latter."""
        logits = output.logits.float()
        eta = threshold(self.schedule, batch.progress, logits.shape[1])
        labelled = batch.targets.sum(dim=1) > 0
        known, loss = batch.targets, soft_cross_entropy(logits, batch.targets)
        if batch.candidates is not None:
            known, loss = known + batch.candidates, loss + Softmax().loss_of_candidates(logits, batch.candidates)
            labelled = known.sum(dim=1) > 0
        true_class = (known * logits.detach().softmax(dim=1)).sum(dim=1)
        counts = labelled & (true_class < eta)
        totals = sum_over_processes(torch.stack([labelled.sum(), counts.sum()]).float())
        return loss * counts * (totals[0] / totals[1].clamp_min(1))


def build(_context: Context, *, schedule: Schedule = "linear") -> TrainingSignalAnnealing:
    """Training signal annealing.

    Args:
        schedule: how the threshold rises from 1/k to 1: "linear", "exponential" (late) or "logarithmic" (early).
    """
    return TrainingSignalAnnealing(schedule)

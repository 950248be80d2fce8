"""Class weights and logit shifts computed from the number of training images in each class."""

from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from handful.core.tensors import Batch, Output
from handful.parts.losses._targets import soft_cross_entropy

Reweight = Literal["none", "inverse", "effective"]


def effective_number(counts: Int[np.ndarray, " k"], beta: float) -> Float[Tensor, " k"]:
    """Effective number of samples, (1 - beta^n) / (1 - beta).

    Cui et al. 2019, https://arxiv.org/abs/1901.05555, equation 2. It is 1 at beta = 0 and approaches n as beta goes to
    1.
    """
    n = torch.from_numpy(counts).double()
    if beta == 0:
        return torch.ones(len(n))
    return (-torch.expm1(n * np.log(beta)) / (1 - beta)).float()


def check_beta(beta: float) -> None:
    """Check the beta of the effective number.

    Raises:
        ValueError: beta is not in [0, 1).
    """
    if not 0 <= beta < 1:
        raise ValueError(f"beta must be in [0, 1), not {beta}")


def class_weights(counts: Int[np.ndarray, " k"], kind: Reweight, beta: float) -> Float[Tensor, " k"]:
    """Class weights whose mean over the training images is 1.

    PyTorch's weighted mean has this scale in expectation, so a learning rate keeps its meaning.

    Args:
        counts: training images of each class.
        kind: "none" (all weights are 1), "inverse" (1 / n) or "effective" (1 / effective number).
        beta: of the effective number, in [0, 1).

    Raises:
        ValueError: `kind` is unknown, or beta is not in [0, 1).
    """
    if kind not in get_args(Reweight):
        raise ValueError(f"reweight must be one of {', '.join(get_args(Reweight))}, not {kind!r}")
    check_beta(beta)
    n = torch.from_numpy(counts).float()
    weights = {"none": torch.ones_like(n), "inverse": 1 / n, "effective": 1 / effective_number(counts, beta)}[kind]
    return weights * n.sum() / (weights * n).sum()


class ShiftedCrossEntropy(nn.Module):
    """Cross-entropy in nats of the logits plus a constant per class; 0 for an image without a label.

    It is linear in the targets: the loss of a mixed image is the mixture of its classes' losses.
    """

    shift: Tensor

    def __init__(self, shift: Float[Tensor, " k"]) -> None:
        super().__init__()
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """One value per image."""
        return soft_cross_entropy(output.logits.float() + self.shift, batch.targets)

"""Early-learning regularization: cross-entropy, plus a pull towards what the network predicted before.

Liu et al. 2020, equation 8, https://arxiv.org/abs/2007.00151, for wrong labels: a network learns the right ones first.
t_i <- momentum t_i + (1 - momentum) p_i remembers the predictions for each training image, and the loss is
CE_i + strength log(1 - <p_i, t_i>), whose gradient keeps p_i from a label that t_i contradicts. The memory is a row for
each training image: the checkpoint keeps it, a saved model does not have it. The loss can be below 0.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._processes import mean_by_image
from handful.parts.losses._targets import soft_cross_entropy

soft_targets = True
needs_index = True
SMALLEST = 1e-4  # probabilities are clamped to it, as in the authors' code


class EarlyLearning(nn.Module):
    """Early-learning loss of each image; 0 for an image without a label."""

    memory: Tensor

    def __init__(self, images: int, classes: int, strength: float, momentum: float) -> None:
        super().__init__()
        self.strength, self.momentum = strength, momentum
        self.register_buffer("memory", torch.zeros(images, classes))

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy plus regularization, in nats; in training mode the predictions are remembered first."""
        assert batch.index is not None, "batches of a training have it"
        logits = output.logits.float()
        probabilities = logits.softmax(dim=1).clamp(SMALLEST, 1 - SMALLEST)
        if self.training:
            self._remember(batch.index, probabilities.detach())
        agreement = (probabilities * self.memory[batch.index]).sum(dim=1)
        regularization = (1 - agreement).log() * (batch.targets.sum(dim=1) > 0)
        return soft_cross_entropy(logits, batch.targets) + self.strength * regularization

    def _remember(self, index: Tensor, probabilities: Float[Tensor, "n k"]) -> None:
        """Move the rows of these images; an image that is there several times counts with its mean."""
        normalized = probabilities / probabilities.sum(dim=1, keepdim=True)
        mean, counts = mean_by_image(index, normalized, len(self.memory))
        self.memory.copy_(torch.where(counts > 0, self.memory.lerp(mean, 1 - self.momentum), self.memory))


def build(context: Context, *, strength: float = 3.0, momentum: float = 0.7) -> EarlyLearning:
    """Early-learning regularization.

    Args:
        context: the number of training images and of classes.
        strength: weight of the regularization, 0 or more. The paper takes 3 for CIFAR-10 and 7 for CIFAR-100.
        momentum: of the memory, in [0, 1). The paper takes 0.7 for CIFAR-10 and 0.9 for CIFAR-100.

    Raises:
        ValueError: a number is out of range.
    """
    if strength < 0:
        raise ValueError(f"strength must be 0 or more, not {strength!r}")
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum must be in [0, 1), not {momentum!r}")
    return EarlyLearning(context.images, len(context.task.classes), strength, momentum)

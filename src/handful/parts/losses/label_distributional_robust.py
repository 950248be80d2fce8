"""Label-distributionally robust losses, LDR-KL and ALDR-KL: between cross-entropy and a hinge, for wrong labels.

Zhu et al. 2023, https://arxiv.org/abs/2112.14869. With d_c = f_c - f_y + margin for c != y, and d_y = 0, the loss is
the largest sum_c p_c d_c - temperature KL(p || uniform) over all p, which is
temperature log mean_c exp(d_c / temperature). It is cross-entropy with a margin at temperature 1, the multi-class
hinge loss towards 0, and towards infinity the mean of the d_c, which is symmetric and so robust to wrong labels.

ALDR-KL (`adaptive`) gives each image a temperature of its own, t_i = t (1 - KL(p_i || uniform) / (alpha log k)): p_i is
of the temperature before. The memory is this number of each training image, which the checkpoint keeps.

Logits are divided by their mean absolute value first, as in the paper. The loss is then blind to the scale of the last
layer, whose weight decay regularizes no more: the temperature, from 0.1 to 100, has to be tuned in its place.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._processes import mean_by_image

needs_index = True
SMALLEST = 1e-6  # mean absolute value that logits are divided by


class LabelDistributionalRobust(nn.Module):
    """LDR-KL or ALDR-KL of each image; 0 for an image without a label."""

    temperatures: Tensor

    def __init__(
        self,
        images: int,
        classes: int,
        *,
        temperature: float,
        adaptive: bool,
        alpha: float,
        margin: float,
        normalize: bool,
    ) -> None:
        super().__init__()
        self.temperature, self.adaptive, self.margin, self.normalize = temperature, adaptive, margin, normalize
        self.alpha_log = alpha * math.log(classes)
        self.register_buffer("temperatures", torch.full((images if adaptive else 0, 1), float(temperature)))

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """The loss; in training mode the images' temperatures are renewed first."""
        assert batch.index is not None, "batches of a training have it"
        margins = self._margins(output.logits.float(), batch.labels)
        temperature = torch.full_like(margins[:, :1], self.temperature)
        if self.adaptive:
            if self.training:
                self._renew(batch.index, margins.detach())
            temperature = self.temperatures[batch.index]
        # Both terms are 0 without adaptation: of a fixed temperature, and its distance to itself.
        deviation = self.alpha_log / (2 * self.temperature) * (temperature - self.temperature).square()
        values = temperature * _log_mean_exp(margins / temperature) - deviation
        return values[:, 0] * (batch.labels >= 0)

    def _margins(self, logits: Float[Tensor, "n k"], labels: Tensor) -> Float[Tensor, "n k"]:
        """By how much each class scores above the label, plus the margin; 0 for the label itself."""
        if self.normalize:
            logits = logits / logits.abs().mean(dim=1, keepdim=True).clamp_min(SMALLEST)
        label = labels.clamp_min(0)[:, None]
        others = torch.ones_like(logits).scatter(1, label, 0.0)
        return logits - logits.gather(1, label) + self.margin * others

    def _renew(self, index: Tensor, margins: Float[Tensor, "n k"]) -> None:
        """The temperatures of these images, in closed form from the last ones."""
        log_p = (margins / self.temperatures[index]).log_softmax(dim=1)
        divergence = (log_p.exp() * log_p).sum(dim=1, keepdim=True) + math.log(margins.shape[1])
        mean, counts = mean_by_image(
            index, self.temperature * (1 - divergence / self.alpha_log), len(self.temperatures)
        )
        floor = self.temperature * 1e-3  # alpha near 1 and a sure prediction: a temperature stays above 0
        self.temperatures.copy_(torch.where(counts > 0, mean.clamp_min(floor), self.temperatures))


def _log_mean_exp(values: Float[Tensor, "n k"]) -> Float[Tensor, "n 1"]:
    return values.logsumexp(dim=1, keepdim=True) - math.log(values.shape[1])


def build(
    context: Context,
    *,
    temperature: float = 1.0,
    adaptive: bool = False,
    alpha: float = 1.0,
    margin: float = 0.1,
    normalize: bool = True,
) -> LabelDistributionalRobust:
    """LDR-KL, or ALDR-KL.

    Args:
        context: the number of training images and of classes.
        temperature: above 0; of ALDR-KL the largest, which an image has whose prediction is uniform.
        adaptive: a temperature for each image (ALDR-KL).
        alpha: 1 or more; how little the temperatures of ALDR-KL differ.
        margin: added to the scores of other classes, 0 or more.
        normalize: divide logits by their mean absolute value first.

    Raises:
        ValueError: a number is out of range.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be above 0, not {temperature!r}")
    if not 1 <= alpha < math.inf:
        raise ValueError(f"alpha must be 1 or more, not {alpha!r}")
    if not 0 <= margin < math.inf:
        raise ValueError(f"margin must be 0 or more, not {margin!r}")
    return LabelDistributionalRobust(
        context.images,
        len(context.task.classes),
        temperature=temperature,
        adaptive=adaptive,
        alpha=alpha,
        margin=margin,
        normalize=normalize,
    )

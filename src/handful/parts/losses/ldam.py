"""Label-distribution-aware margin loss (LDAM): cross-entropy with a margin that is larger for rarer classes (eq. 13).

Cao et al. 2019, https://arxiv.org/abs/1906.07413. The margin of a class of n images is C / n^(1/4), with C such that
the rarest class has `max_margin`. The paper normalizes features and class weights, so that scores are cosines,
subtracts the margin from the label's score, and multiplies all scores by s = 30. Here the logits are already scaled, so
s times the margin is subtracted:

- head `cosine`, the paper's classifier: set the same `scale` in head and loss;
- soft labels, which are compared by cosine: s is 1 / temperature (the initial one, where it is learned). At the
  soft-label paper's temperature of 1 the softmax is nearly flat, and the margin 0.5 is large compared with the cosines
  of similar class vectors;
- plain linear logits: s is 1 and the margin is in logits, which the network may scale up until it no longer matters.

Deferred re-weighting (LDAM-DRW) is two consecutive parts: `{name = "ldam", stop = 0.8}` and
`{name = "ldam", reweight = "effective", start = 0.8}`. The loss of a mixed image is the mixture of its classes' losses.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._priors import Reweight, class_weights

soft_targets = True


class LDAM(nn.Module):
    """LDAM loss of each image; 0 for an image without a label."""

    margins: Tensor
    weights: Tensor

    def __init__(self, margins: Float[Tensor, " k"], weights: Float[Tensor, " k"]) -> None:
        super().__init__()
        self.register_buffer("margins", margins, persistent=False)
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Weighted cross-entropy in nats; only pairs of image and class with a target above 0 are computed."""
        logits = output.logits.float()
        image, label = batch.targets.nonzero(as_tuple=True)
        margin = torch.zeros_like(logits[image]).scatter(1, label[:, None], self.margins[label, None])
        cross_entropy = -(logits[image] - margin).log_softmax(dim=1).gather(1, label[:, None])[:, 0]
        weights = batch.targets[image, label] * self.weights[label]
        return logits.new_zeros(len(logits)).index_add(0, image, weights * cross_entropy)


def build(
    context: Context,
    *,
    max_margin: float = 0.5,
    scale: float | None = None,
    reweight: Reweight = "none",
    beta: float = 0.9999,
) -> LDAM:
    """LDAM loss.

    Args:
        context: the number of training images of each class, and the labels' temperature.
        max_margin: margin of the rarest class, a difference of cosines above 0.
        scale: s, the factor that the logits were multiplied by, above 0. None: 1 / temperature of cosine labels, else
            1.
        reweight: class weights: "none", "inverse" (1 / n) or "effective" (1 / effective number). Their mean over the
            training images is 1.
        beta: of the effective number, in [0, 1); used with "effective".

    Raises:
        ValueError: a number is out of range, or `reweight` is unknown.
    """
    if not max_margin > 0:
        raise ValueError(f"max_margin must be above 0, not {max_margin}")
    if scale is None:
        scale = 1 / context.labels.temperature if context.labels.similarity == "cosine" else 1.0
    if not scale > 0:
        raise ValueError(f"scale must be above 0, not {scale}")
    margins = torch.from_numpy(context.task.counts).float().pow(-0.25)
    return LDAM(scale * max_margin * margins / margins.max(), class_weights(context.task.counts, reweight, beta))

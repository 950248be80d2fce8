"""LDAM: cross-entropy whose label must win by a margin, larger for rarer classes (Cao et al. 2019, eq. 13).

https://arxiv.org/abs/1906.07413. The margin of a class of n images is C / n^(1/4), with C such that the rarest class
has `max_margin`. The paper normalises features and class weights, so scores are cosines, takes the margin off the
label's, and multiplies all by s = 30. Here logits arrive already scaled, so s times the margin is taken off:

- head `cosine`, the paper's classifier: set the same `scale` in head and loss;
- soft labels, which are compared by cosine: s is 1 / temperature (where a learnt one starts). At the paper's
  temperature 1 the softmax is nearly flat, and the margin 0.5 large beside the cosines of similar class vectors;
- plain linear logits: s is 1 and the margin is in logits, which the network may scale up until it no longer matters.

Deferred re-weighting (LDAM-DRW) is two parts that take turns: `{name = "ldam", stop = 0.8}` and
`{name = "ldam", reweight = "effective", start = 0.8}`. Mixed targets cost the mixture of what their classes cost.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._priors import Reweight, class_weights


class LDAM(nn.Module):
    """One value per image; 0 for an image without a label."""

    margins: Tensor
    weights: Tensor

    def __init__(self, margins: Float[Tensor, " k"], weights: Float[Tensor, " k"]) -> None:
        super().__init__()
        self.register_buffer("margins", margins, persistent=False)
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats, weighted; only pairs of image and class with a target above 0 are computed."""
        logits = output.logits.float()
        image, label = batch.targets.nonzero(as_tuple=True)
        margin = torch.zeros_like(logits[image]).scatter(1, label[:, None], self.margins[label, None])
        found = -(logits[image] - margin).log_softmax(dim=1).gather(1, label[:, None])[:, 0]
        return logits.new_zeros(len(logits)).index_add(
            0, image, batch.targets[image, label] * self.weights[label] * found
        )


def build(
    context: Context,
    *,
    max_margin: float = 0.5,
    scale: float | None = None,
    reweight: Reweight = "none",
    beta: float = 0.9999,
) -> LDAM:
    """Margins from the training images of each class.

    Args:
        context: gives these, and the labels' temperature.
        max_margin: of the rarest class, as a cosine.
        scale: s, by which the logits were multiplied; None: 1 / temperature of cosine labels, else 1.
        reweight: "inverse" (1 / n) or "effective" (1 / effective number) weights each class, on average 1.
        beta: of the effective number.

    Raises:
        ValueError: a number out of range, or another reweight.
    """
    if not max_margin > 0:
        raise ValueError(f"max_margin must be above 0, not {max_margin}")
    if scale is None:
        scale = 1 / context.labels.temperature if context.labels.similarity == "cosine" else 1.0
    if not scale > 0:
        raise ValueError(f"scale must be above 0, not {scale}")
    margins = torch.from_numpy(context.task.counts).float().pow(-0.25)
    return LDAM(scale * max_margin * margins / margins.max(), class_weights(context.task.counts, reweight, beta))

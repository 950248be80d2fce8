"""Consistency of two views: learn on a strong view what the network predicts with confidence on the first, weak view.

UDA (Xie et al. 2020, https://arxiv.org/abs/1904.12848): 1[max q > threshold] KL(q_T || p), where q is the prediction on
the weak view, without gradient, q_T its sharpened form and p the prediction on the strong view. FixMatch (Sohn et al.
2020, https://arxiv.org/abs/2001.07685) is `hard = true, threshold = 0.95`: the cross-entropy with the class of q. The
first view is that of the recipe's augmentation, the strong one the stage's first further view, usually with
rand_augment and cutout. Labels are learned by another loss, e.g. cross_entropy. Of an image with several candidates for
its class, the prediction is that among these.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._alignment import DistributionAlignment, class_frequencies
from handful.parts.losses._targets import soft_cross_entropy
from handful.parts.losses._views import among_candidates, view_values

soft_targets = True
candidates = True
uses_unlabelled = True
needs_views = True


class Consistency(nn.Module):
    """Consistency loss of each image on the stage's first further view; 0 for an image without that view."""

    def __init__(self, threshold: float, temperature: float, hard: bool, align: DistributionAlignment | None) -> None:
        super().__init__()
        self.threshold, self.temperature, self.hard, self.align = threshold, temperature, hard, align

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Divergence or cross-entropy in nats, of images with a confident prediction."""
        rows = batch.view_rows(0)
        weak = output.logits[rows].detach().float().softmax(dim=1)
        if self.align is not None:
            weak = self.align(weak)
        weak = among_candidates(weak, batch, rows)
        confidence, label = weak.max(dim=1)
        strong = output.views[0].logits.float()
        if self.hard:
            values = nn.functional.cross_entropy(strong, label, reduction="none")
        else:
            target = (weak.clamp_min(torch.finfo(torch.float32).tiny).log() / self.temperature).softmax(dim=1)
            values = soft_cross_entropy(strong, target) + torch.xlogy(target, target).sum(dim=1)
        return view_values(batch, rows, values * (confidence >= self.threshold))


def build(
    context: Context,
    *,
    threshold: float = 0.8,
    temperature: float = 0.4,
    hard: bool = False,
    align: bool = False,
) -> Consistency:
    """Consistency of a strong view with a confident prediction on the first view.

    Args:
        context: the number of training images of each class, for `align`.
        threshold: smallest largest probability on the first view, before sharpening, at which an image counts; from 0
            to 1.
        temperature: of the sharpened target, above 0; unused with `hard`.
        hard: learn the class of the prediction (FixMatch) instead of its sharpened probabilities (UDA).
        align: distribution alignment (Berthelot et al. 2020, https://arxiv.org/abs/1911.09785): predictions are scaled
            so that their mean over the last 32 batches becomes the class frequencies of the labelled images.

    Raises:
        ValueError: threshold is not in [0, 1], or temperature is not above 0.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must be in [0, 1], not {threshold!r}")
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, not {temperature!r}")
    alignment = DistributionAlignment(class_frequencies(context)) if align else None
    return Consistency(threshold, temperature, hard, alignment)

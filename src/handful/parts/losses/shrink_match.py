"""ShrinkMatch: an image whose class is in doubt learns within a smaller set of classes, where it is not.

Yang et al. 2023, https://arxiv.org/abs/2308.06777. With q the prediction on the weak view, without gradient: where
max q is the threshold or more, the strong view learns q by cross-entropy, as in consistency. Elsewhere the classes of
rank 2 to c are left out, c the smallest number with which the first class has the threshold's share of what q gives to
the rest; within the classes that stay, the strong view's scores of an auxiliary head learn the first class. That loss
is multiplied by q of the first class, and by the running share of confident images. FixMatch discards these images.

The auxiliary head is a linear layer, norm and leaky ReLU, twice, and a linear layer; its norm is a layer norm, the
authors' a batch norm, so that an image's loss does not depend on others of its batch. Of an image with several
candidates for its class, q is the prediction among these.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._alignment import DistributionAlignment, class_frequencies
from handful.parts.losses._processes import sum_over_processes
from handful.parts.losses._targets import soft_cross_entropy
from handful.parts.losses._views import among_candidates, view_values

soft_targets = True
candidates = True
uses_unlabelled = True
needs_views = True
MOMENTUM = 0.999  # of the running share of confident images


def shrunk_classes(
    q: Float[Tensor, "m k"], threshold: float
) -> tuple[Int[Tensor, " m"], Bool[Tensor, "m k"], Bool[Tensor, " m"]]:
    """The first class of each image, the classes among which it has the threshold's share, and whether these are all.

    Where only the first class is left, there is nothing to learn: its cross-entropy is 0.
    """
    sorted_q, order = q.sort(dim=1, descending=True, stable=True)
    tails = F.pad(sorted_q.flip(1).cumsum(dim=1).flip(1)[:, 1:], (0, 1))  # of the classes behind each rank
    enough = sorted_q[:, :1] >= threshold * (sorted_q[:, :1] + tails)
    stays = torch.cat([torch.ones_like(enough[:, :1]), enough[:, :-1]], dim=1)  # by rank; the tails only fall
    return order[:, 0], torch.zeros_like(stays).scatter(1, order, stays), enough[:, 0]


class ShrinkMatch(nn.Module):
    """ShrinkMatch loss of each image on the stage's first further view; 0 for an image without that view."""

    confident: Tensor

    def __init__(self, features: int, classes: int, threshold: float, align: DistributionAlignment | None) -> None:
        super().__init__()
        self.threshold, self.align = threshold, align
        inner, layers = max(1, features // 4), []
        for length in (features, inner):
            layers += [nn.Linear(length, inner), nn.LayerNorm(inner), nn.LeakyReLU(0.1)]
        self.auxiliary = nn.Sequential(*layers, nn.Linear(inner, classes))
        self.register_buffer("confident", torch.zeros(()))

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats: with the whole prediction, or within the classes that stay."""
        rows = batch.view_rows(0)
        weak = output.logits[rows].detach().float().softmax(dim=1)
        if self.align is not None:
            weak = self.align(weak)
        weak = among_candidates(weak, batch, rows)
        first, stays, confident = shrunk_classes(weak, self.threshold)
        whole = soft_cross_entropy(output.views[0].logits.float(), weak)
        scores = self.auxiliary(output.views[0].features.to(self.confident)).float()
        weight = weak.gather(1, first[:, None])[:, 0] * self.confident
        shrunk = weight * F.cross_entropy(scores.masked_fill(~stays, -torch.inf), first, reduction="none")
        if self.training:
            sure, all_images = sum_over_processes(torch.stack([confident.sum(), torch.ones_like(rows).sum()]))
            share = sure / all_images.clamp_min(1)
            self.confident.copy_(MOMENTUM * self.confident + (1 - MOMENTUM) * share)
        return view_values(batch, rows, torch.where(confident, whole, shrunk))


def build(context: Context, *, threshold: float = 0.95, align: bool = True) -> ShrinkMatch:
    """ShrinkMatch.

    Args:
        context: the number of features, and the training images of each class, for `align`.
        threshold: smallest probability of the first class, among all classes or those that stay; from 0 to 1.
        align: distribution alignment, see losses/consistency; the paper has it.

    Raises:
        ValueError: threshold is not in [0, 1].
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must be in [0, 1], not {threshold!r}")
    assert context.features is not None, "losses are built after the network"
    alignment = DistributionAlignment(class_frequencies(context)) if align else None
    return ShrinkMatch(context.features(), len(context.task.classes), threshold, alignment)

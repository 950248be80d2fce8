"""Multi-focal loss of long-tailed, incomplete lists of labels (COMIC, Zhang et al. 2023, arXiv:2304.10539).

Two of its three parts. "Correction": an entry that is not known to be present counts as present where the network is
sure of it, above a threshold and above its mean for the class. "Modification": a focal loss, as the asymmetric one,
whose exponent of absent entries and whose weight grow with the rarity of a class,
h = (1 - log(n / n of the largest class)) ^ (1/6). The third part, "Balance", trains three networks together, and is not
here.

The authors' code differs from the text; exponents, margin and the power of h are those of the code. Left out of it: a
margin that is taken off the logits of present entries, and counts that follow the corrections, which change h by a
hundredth. The paper's lists name what is present, and all other entries are absent until they are corrected: so here,
where unknown entries stay out of the loss. On 200 images, correcting unknown ones did harm (`make bench
TABLE=multilabel-losses`).
"""

from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._focal import TINY, check_focusing

multilabel = True
needs_multilabel = True
mixes_images = True
Correct = Literal["absent", "unknown", "none"]
POWER = 1 / 6


class MultiFocalLoss(nn.Module):
    """Multi-focal loss of each image, its sum over the entries that are known or corrected."""

    rarity: Tensor

    def __init__(
        self,
        rarity: Float[Tensor, " k"],
        *,
        present: float,
        absent: float,
        margin: float,
        correct: Correct,
        threshold: float,
        start: float,
    ) -> None:
        super().__init__()
        self.register_buffer("rarity", rarity, persistent=False)
        self.present, self.absent, self.margin = present, absent, margin
        self.correct: Correct = correct
        self.threshold, self.start = threshold, start

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """In nats, where the exponents and the margin are 0 and all classes have as many images."""
        known = batch.labels[:, None] >= 0 if batch.known is None else batch.known
        p = output.logits.float().sigmoid()
        corrected = self.corrected(p.detach(), batch, known)
        targets = torch.where(corrected, torch.ones_like(batch.targets), batch.targets)
        shifted = (p - self.margin).clamp_min(0)
        positive = ((1 - p) ** self.present).detach() * p.clamp_min(TINY).log()
        negative = (shifted ** (self.absent + self.rarity)).detach() * (1 - shifted).clamp_min(TINY).log()
        each = self.rarity * (targets * positive + (1 - targets) * negative)
        return -(each * (known | corrected)).sum(dim=1)

    def corrected(self, p: Float[Tensor, "n k"], batch: Batch, known: Bool[Tensor, "n #k"]) -> Bool[Tensor, "n k"]:
        """Entries that count as present though they are not known to be; none at the start of training.

        Images of which nothing is known, that is without a label, are left alone.
        """
        labelled = known.any(dim=1, keepdim=True)
        if self.correct == "none" or batch.progress < self.start or not bool(labelled.any()):
            return torch.zeros_like(p, dtype=torch.bool)
        mean = (p * labelled).sum(dim=0) / labelled.sum()
        free = ~known if self.correct == "unknown" else known & (batch.targets == 0)
        return free & labelled & (p > mean.clamp_min(self.threshold))


def build(
    context: Context,
    *,
    present: float = 0.0,
    absent: float = 3.0,
    margin: float = 0.05,
    correct: Correct = "absent",
    threshold: float = 0.7,
    start: float = 0.1,
) -> nn.Module:
    """Multi-focal loss.

    Args:
        context: the number of training images that show each class.
        present: focal exponent of present entries, 0 or more.
        absent: that of absent ones, to which the rarity of the class is added.
        margin: probability below which an absent entry has no loss, from 0 to below 1.
        correct: which entries may come to count as present: "absent", those that lists say are absent; "unknown", those
            of which nothing is known; "none".
        threshold: probability from which on they do, in (0, 1); at least the mean of the class's over the batch.
        start: share of the training before the first correction, in [0, 1].

    Raises:
        ValueError: a number out of range, or an unknown value of `correct`.
    """
    check_focusing(present, absent, margin)
    if not 0 < threshold < 1 or not 0 <= start <= 1:
        raise ValueError(f"threshold must be in (0, 1) and start in [0, 1], not {threshold} and {start}")
    if correct not in get_args(Correct):
        raise ValueError(f"correct must be one of {', '.join(get_args(Correct))}, not {correct!r}")
    n = torch.from_numpy(context.task.counts).float().clamp_min(1)
    return MultiFocalLoss(
        (1 - (n / n.max()).log()) ** POWER,
        present=present,
        absent=absent,
        margin=margin,
        correct=correct,
        threshold=threshold,
        start=start,
    )

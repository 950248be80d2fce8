"""Contrastive loss of two views, NT-Xent, with a projection head of its own: pretraining without labels (SimCLR).

Chen et al. 2020, equation 1, https://arxiv.org/abs/2002.05709: z is the projection of pooled features, of length 1. For
the 2n views of a batch the loss of view i is -log exp(z_i z_j / temperature) / sum_{l != i} exp(z_i z_l / temperature),
where j is the other view of the same image; an image's value is the mean over its two views. The first view is that of
the recipe's augmentation, the second the stage's first further view. The projection head is used in training only. With
several processes, the other images are those of the same process.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._views import view_values

soft_targets = True
candidates = True
mixes_images = True
needs_views = True
trains_no_classifier = True
uses_unlabelled = True


class Contrastive(nn.Module):
    """NT-Xent of each image that the further view shows; 0 for the others."""

    def __init__(self, features: int, width: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.hidden = nn.Linear(features, features)
        self.norm = nn.BatchNorm1d(features)
        self.linear = nn.Linear(features, width)

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """The loss in nats."""
        rows = batch.view_rows(0)
        n = len(rows)
        features = torch.cat([output.features[rows], output.views[0].features])
        projection = self.linear(self.norm(self.hidden(features.to(self.hidden.weight))).relu())
        z = F.normalize(projection.float(), dim=1)
        similarities = z @ z.T / self.temperature
        similarities = similarities.masked_fill(torch.eye(2 * n, dtype=torch.bool, device=z.device), -torch.inf)
        partners = torch.arange(2 * n, device=z.device).roll(n)
        values = F.cross_entropy(similarities, partners, reduction="none")
        return view_values(batch, rows, (values[:n] + values[n:]) / 2)


def build(context: Context, *, temperature: float = 0.5, width: int = 128) -> Contrastive:
    """Contrastive loss of the first view and the stage's first further view.

    Args:
        context: gives the number of features.
        temperature: of the similarities, above 0; the paper takes 0.5 on CIFAR-10.
        width: of the projection.

    Raises:
        ValueError: an option is out of range.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, not {temperature!r}")
    if isinstance(width, bool) or not isinstance(width, int) or width < 1:
        raise ValueError(f"width must be a whole number from 1, not {width!r}")
    assert context.features is not None, "losses are built after the network"
    return Contrastive(context.features(), width, temperature)

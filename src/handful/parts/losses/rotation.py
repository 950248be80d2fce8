"""Rotation prediction: by how many quarter turns an image was turned, as a task without labels (RotNet).

Gidaris et al. 2018, https://arxiv.org/abs/1803.07728: the first view is the image upright, and the stage's further
views are the image after one, two and three quarter turns, by `augment/rot90`. A linear layer of its own predicts the
turns from the features, by cross-entropy, the mean over the views. Not for images without an upright side, such as
cells, or shapes that a turn makes another of, such as 6 and 9.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts.losses._views import view_values

soft_targets = True
candidates = True
needs_views = True
trains_no_classifier = True
uses_unlabelled = True


class Rotation(nn.Module):
    """Cross-entropy of the turns of each image, the mean over its views; 0 for images that these do not show."""

    def __init__(self, features: int, views: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, views)

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """The loss in nats."""
        rows = batch.view_rows(0)
        views = (output.features[rows], *(view.features for view in output.views))
        values = torch.zeros(len(rows), device=rows.device)
        for turns, features in enumerate(views):
            scores = self.linear(features.to(self.linear.weight)).float()
            truth = torch.full((len(scores),), turns, device=scores.device)
            values = values + F.cross_entropy(scores, truth, reduction="none")
        return view_values(batch, rows, values / len(views))


def build(context: Context) -> Rotation:
    """Rotation prediction over the views of the stage.

    Args:
        context: the stage's views, and the number of features.

    Raises:
        RecipeError: the views show different images.
    """
    assert context.features is not None, "losses are built after the network"
    assert context.stage is not None, "losses are built for a stage"
    views = context.stage.views
    if len({view.of for view in views}) > 1:
        raise RecipeError(
            "rotation compares views of the same images",
            where=context.recipe.name,
            remedy='set of = "all" in each of [[stages.views]].',
        )
    return Rotation(context.features(), 1 + len(views))

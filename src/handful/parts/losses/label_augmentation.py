"""Label augmentation: learn class and transformation jointly, and distill the mean over them into the head.

Lee et al. 2020, https://arxiv.org/abs/1910.05872 (SLA+SD): the first view and the stage's further views are M
transformations of an image, e.g. quarter turns. A linear layer of its own scores the k M pairs of class and
transformation from the features, and learns them by cross-entropy, the mean over the views. Averaged over the views,
its scores of (class, the view's own transformation) are a better classifier than the head, which learns from it:
KL(mean || head). The head learns the labels by another loss, e.g. cross_entropy, and predicts alone, in one pass. The
mean is a target without gradient, our reading of the authors' code.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.errors import RecipeError

soft_targets = True
needs_views = True


class LabelAugmentation(nn.Module):
    """Label augmentation loss of each image; 0 for an image without a label."""

    def __init__(self, features: int, classes: int, views: int, distill: float) -> None:
        super().__init__()
        self.classes, self.views, self.distill = classes, views, distill
        self.joint = nn.Linear(features, classes * views)

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Joint cross-entropy plus `distill` times the divergence of the head from the mean, in nats."""
        own, total = [], output.logits.new_zeros(len(batch.labels), dtype=torch.float32)
        for t, view in enumerate((output, *output.views)):
            scores = self.joint(view.features.to(self.joint.weight)).float()
            log_p = scores.log_softmax(dim=1).unflatten(1, (self.classes, self.views))[:, :, t]
            total = total - (batch.targets * log_p).sum(dim=1)
            own.append(scores.unflatten(1, (self.classes, self.views))[:, :, t])
        mean = torch.stack(own).mean(dim=0).detach().softmax(dim=1)
        divergence = F.kl_div(output.logits.float().log_softmax(dim=1), mean, reduction="none").sum(dim=1)
        return total / self.views + self.distill * divergence * (batch.targets.sum(dim=1) > 0)


def build(context: Context, *, distill: float = 1.0) -> LabelAugmentation:
    """Label augmentation over the views of the stage.

    Args:
        context: the stage's views, and the number of classes and features.
        distill: weight of the divergence of the head from the mean over the views, 0 or more.

    Raises:
        ValueError: `distill` is below 0.
        RecipeError: a view is of the unlabelled images alone.
    """
    if distill < 0:
        raise ValueError(f"distill must be 0 or more, not {distill!r}")
    assert context.features is not None, "losses are built after the network"
    assert context.stage is not None, "losses are built for a stage"
    views = context.stage.views
    if any(view.of != "all" for view in views):
        raise RecipeError(
            "label_augmentation learns from views of labelled images",
            where=context.recipe.name,
            remedy='set of = "all" in [[stages.views]].',
        )
    return LabelAugmentation(context.features(), len(context.task.classes), 1 + len(views), distill)

"""Center loss: half the squared distance of an image's features to its class's center (VIPF, equation 6).

The features are the head's pooled features before its last layer, `Output.features`. VIPF's centers are the class means
of each batch; Wen et al. 2016 (https://ydwen.github.io/papers/WenECCV16.pdf) keep centers between batches and move them
by a rule of their own instead of the optimizer. Both are implemented.

Scale: equation 6 sums over the batch, while the training loop averages over it. A weight printed for the sum over n
images is n times as large here: the paper's 1 with 64 images per device becomes 64. Squared distances also grow with
the number of features. In distributed training each process uses the means of its own share of the batch.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output

soft_targets = True
mixes_images = True  # an image's center depends on the others


def distances(
    features: Float[Tensor, "n c"], targets: Float[Tensor, "n k"], centers: Float[Tensor, "k c"]
) -> Float[Tensor, " n"]:
    """Half the squared distances to the centers, averaged with the image's target probabilities.

    Only pairs of image and class with a target above 0 are computed: all pairs would need n k c numbers.
    """
    image, label = targets.nonzero(as_tuple=True)
    half_squared = (features[image] - centers[label]).square().sum(dim=1) / 2
    return features.new_zeros(len(features)).index_add(0, image, targets[image, label] * half_squared)


class BatchCenter:
    """Center loss to the target-weighted class means of the batch; 0 for an image without a label.

    No gradient flows through the means. It would be zero: at a mean the gradients of the summed squared distances
    cancel. The only image of a class in the batch is its own center, so its loss is 0.
    """

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Half squared distances."""
        features = output.features.float()
        weights = batch.targets / batch.targets.sum(dim=0).clamp_min(torch.finfo(torch.float32).tiny)
        return distances(features, batch.targets, (weights.T @ features).detach())


class LearnedCenter(nn.Module):
    """Center loss to running centers, updated after each batch by Wen et al.'s equation 4; 0 without a label.

    Centers start at zero. With targets t, center j moves by -alpha sum_i t_ij (c_j - x_i) / (1 + sum_i t_ij). In
    distributed training the images of the first process move the centers.
    """

    centers: Tensor

    def __init__(self, classes: int, features: int, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha
        self.register_buffer("centers", torch.zeros(classes, features))

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Half squared distances to the centers before this batch; updates the centers in training mode."""
        features = output.features.float()
        centers = self.centers.clone()
        if self.training:
            counts = batch.targets.sum(dim=0)[:, None]
            step = (counts * centers - batch.targets.T @ features.detach()) / (1 + counts)
            self.centers -= self.alpha * step
        return distances(features, batch.targets, centers)


def build(context: Context, *, centers: str = "batch", alpha: float = 0.5) -> BatchCenter | LearnedCenter:
    """Center loss.

    Args:
        context: the number of classes and of features, for learned centers.
        centers: "batch", VIPF's class means of each batch, or "learned", Wen et al.'s running centers.
        alpha: step size of learned centers, in (0, 1]; Wen et al. use 0.5. Ignored with "batch".

    Raises:
        ValueError: `centers` is unknown, or alpha is not in (0, 1].
    """
    if centers not in ("batch", "learned"):
        raise ValueError(f"centers must be 'batch' or 'learned', not {centers!r}")
    if not 0 < alpha <= 1:
        raise ValueError(f"alpha must be in (0, 1], not {alpha}")
    if centers == "batch":
        return BatchCenter()
    assert context.features is not None, "losses are built after the network"
    return LearnedCenter(len(context.task.classes), context.features(), alpha)

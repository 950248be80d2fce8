"""Center loss: half the squared distance of an image's features to its class's center (VIPF, equation 6).

The features are what the head pooled before its last layer, `Output.features`. The paper takes as centers each
iteration's class means; Wen et al. 2016 (https://ydwen.github.io/papers/WenECCV16.pdf) keep centers between iterations
and move them by a rule of their own, not by the optimizer. Both are here.

Scale: equation 6 sums over the batch, while the training loop averages over it. A weight printed for the sum is, for a
batch of n images, n times that weight here: the paper's 1 with 64 images per device would be 64. Squared distances also
grow with the number of features. Where several processes train, each takes the means of its own share of the batch.

Measured (python -m bench vipf-ladder): beside positive_class it adds 0.6 points on CIFAR-100 and 6.0 on mini-ImageNet
to DSK-ResNeXt; three draws cannot separate that.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output

mixes_images = True  # an image's center depends on the others


def distances(
    features: Float[Tensor, "n c"], targets: Float[Tensor, "n k"], centers: Float[Tensor, "k c"]
) -> Float[Tensor, " n"]:
    """Half the squared distances to the centers, weighted by an image's target probabilities.

    Only pairs with a target above 0 are computed: all of them would be n k c numbers.
    """
    image, label = targets.nonzero(as_tuple=True)
    apart = (features[image] - centers[label]).square().sum(dim=1) / 2
    return features.new_zeros(len(features)).index_add(0, image, targets[image, label] * apart)


class BatchCenter:
    """Centers are the target-weighted class means of the batch; 0 for an image without a label.

    No gradient goes through the means. It would change nothing: at a mean, the gradients of the summed distances
    cancel. An image that is alone of its class in the batch is its own center, so it costs nothing.
    """

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Half squared distances."""
        features = output.features.float()
        share = batch.targets / batch.targets.sum(dim=0).clamp_min(torch.finfo(torch.float32).tiny)
        return distances(features, batch.targets, (share.T @ features).detach())


class LearnedCenter(nn.Module):
    """Centers start at zero and move, after each batch, by alpha times Wen et al.'s equation 4; 0 without a label.

    With targets t the step of center j is sum_i t_ij (c_j - x_i) / (1 + sum_i t_ij). Where several processes train,
    the first one's images move the centers.
    """

    centers: Tensor

    def __init__(self, classes: int, features: int, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha
        self.register_buffer("centers", torch.zeros(classes, features))

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Half squared distances to the centers as they are before this batch; moves them in training mode."""
        features = output.features.float()
        before = self.centers.clone()
        if self.training:
            counts = batch.targets.sum(dim=0)[:, None]
            step = (counts * before - batch.targets.T @ features.detach()) / (1 + counts)
            self.centers -= self.alpha * step
        return distances(features, batch.targets, before)


def build(context: Context, *, centers: str = "batch", alpha: float = 0.5) -> BatchCenter | LearnedCenter:
    """`centers`: "batch", the paper's, or "learned", Wen et al.'s, which move by `alpha` (theirs is 0.5).

    Raises:
        ValueError: another kind of centers, or alpha not in (0, 1].
    """
    if centers not in ("batch", "learned"):
        raise ValueError(f"centers must be 'batch' or 'learned', not {centers!r}")
    if not 0 < alpha <= 1:
        raise ValueError(f"alpha must be in (0, 1], not {alpha}")
    if centers == "batch":
        return BatchCenter()
    assert context.features is not None, "losses are built after the network"
    return LearnedCenter(len(context.task.classes), context.features(), alpha)

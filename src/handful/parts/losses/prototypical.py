"""Prototypical networks: in each batch, classes are told by the means of some of their images (Snell et al. 2017).

Prototypical Networks for Few-shot Learning, https://arxiv.org/abs/1703.05175: a query's class is the softmax over minus
its squared distances to the class means of the support images. The paper meets new classes in every episode; here
(as the soft-label paper's baseline) every batch of the limited set is an episode of the task's own classes. Batches
come shuffled, so a class's first images in the batch are its support and the rest its queries: nothing is drawn.

No layer behind the features learns: predict by posthoc/class_means, whose means are over all training images.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._targets import soft_cross_entropy

mixes_images = True  # a query is compared with means of others
trains_no_classifier = True


def episode(
    targets: Float[Tensor, "n k"], *, way: int, shots: int
) -> tuple[Bool[Tensor, " n"], Bool[Tensor, " n"], Bool[Tensor, " k"]]:
    """Which images are support, which are queries, and which classes take part.

    An image belongs to its most probable class. Of each class the first `shots` images are support, but one image at
    least is left over as a query; a class's only image is support. `way` classes take part, those that come first in
    the batch; 0: all.
    """
    labelled = targets.sum(dim=1) > 0
    own = torch.zeros_like(targets).scatter(1, targets.argmax(dim=1, keepdim=True), 1.0) * labelled[:, None]
    counts = own.sum(dim=0)
    part = counts > 0
    if 0 < way < int(part.sum()):
        first = torch.where(part, own.argmax(dim=0), len(targets))
        part = part & (first <= first.sort().values[way - 1])
    rank = (own * own.cumsum(dim=0)).sum(dim=1)  # from 1, within the class
    most = (counts - 1).clamp(min=1, max=shots)
    inside = labelled & ((own * part).sum(dim=1) > 0)
    support = inside & (rank <= (own * most).sum(dim=1))
    return support, inside & ~support, part


class Prototypical:
    """One value per image: the batch's mean is the mean over its queries; 0 for support and unlabelled images."""

    def __init__(self, way: int, shots: int) -> None:
        self.way, self.shots = way, shots

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats, times images per query. A query's share in classes that take no part is left out."""
        features, targets = output.features.float(), batch.targets
        support, queries, part = episode(targets, way=self.way, shots=self.shots)
        weights = targets[support][:, part]
        means = weights.T @ features[support] / weights.sum(dim=0)[:, None]
        index: Int[Tensor, " q"] = queries.nonzero()[:, 0]
        asked = features[index]
        apart = (asked[:, None] - means).square().sum(dim=2)
        own = targets[index][:, part]
        values = soft_cross_entropy(-apart, own / own.sum(dim=1, keepdim=True))
        return features.new_zeros(len(features)).index_add(0, index, values * (len(features) / max(1, len(index))))


def build(context: Context, *, way: int = 0, shots: int = 5) -> Prototypical:  # noqa: ARG001
    """`way`: classes in an episode, 0 for all in the batch. `shots`: support images per class, at most.

    A batch should hold several images of each class that takes part: with many classes set a larger batch_size.

    Raises:
        ValueError: a number out of range.
    """
    if isinstance(way, bool) or not isinstance(way, int) or way < 0 or way == 1:
        raise ValueError(f"way is 0 or a whole number from 2, not {way!r}")
    if isinstance(shots, bool) or not isinstance(shots, int) or shots < 1:
        raise ValueError(f"shots is a whole number from 1, not {shots!r}")
    return Prototypical(way, shots)

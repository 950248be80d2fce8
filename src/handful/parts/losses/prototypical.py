"""Prototypical networks' episodic loss: query images are classified by distance to support means (Snell et al. 2017).

Prototypical Networks for Few-shot Learning, https://arxiv.org/abs/1703.05175: the probabilities of a query are the
softmax over the negative squared distances to the class means of the support images. The paper samples new classes in
every episode; here, as in the soft-label paper's baseline, every batch is an episode of the task's own classes. Batches
are shuffled, so the first images of a class in a batch are its support and the others its queries; nothing is sampled.

No layer behind the features is trained: predict with posthoc/class_means, whose means are over all training images.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._targets import soft_cross_entropy

soft_targets = True
mixes_images = True  # a query is compared with means of others
trains_no_classifier = True


def episode(
    targets: Float[Tensor, "n k"], *, way: int, shots: int
) -> tuple[Bool[Tensor, " n"], Bool[Tensor, " n"], Bool[Tensor, " k"]]:
    """The support images, the query images and the classes of an episode, as masks.

    An image belongs to its most probable class. The first `shots` images of each class are support, but at least one
    image is left as a query; the only image of a class is support.

    Args:
        targets: class probabilities of the batch.
        way: number of classes, those that come first in the batch; 0: all.
        shots: support images per class, at most.
    """
    labelled = targets.sum(dim=1) > 0
    one_hot = torch.zeros_like(targets).scatter(1, targets.argmax(dim=1, keepdim=True), 1.0) * labelled[:, None]
    counts = one_hot.sum(dim=0)
    classes = counts > 0
    if 0 < way < int(classes.sum()):
        first = torch.where(classes, one_hot.argmax(dim=0), len(targets))
        classes = classes & (first <= first.sort().values[way - 1])
    rank = (one_hot * one_hot.cumsum(dim=0)).sum(dim=1)  # from 1, within the class
    support_sizes = (counts - 1).clamp(min=1, max=shots)
    in_episode = labelled & ((one_hot * classes).sum(dim=1) > 0)
    support = in_episode & (rank <= (one_hot * support_sizes).sum(dim=1))
    return support, in_episode & ~support, classes


class Prototypical:
    """Episodic loss of each image, scaled so that the batch's mean is the mean over queries; 0 for all other images."""

    def __init__(self, way: int, shots: int) -> None:
        self.way, self.shots = way, shots

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats times images per query. A query's targets are normalized over the episode's classes."""
        features, targets = output.features.float(), batch.targets
        support, queries, classes = episode(targets, way=self.way, shots=self.shots)
        weights = targets[support][:, classes]
        prototypes = weights.T @ features[support] / weights.sum(dim=0)[:, None]
        index: Int[Tensor, " q"] = queries.nonzero()[:, 0]
        distances = (features[index][:, None] - prototypes).square().sum(dim=2)
        query_targets = targets[index][:, classes]
        values = soft_cross_entropy(-distances, query_targets / query_targets.sum(dim=1, keepdim=True))
        return features.new_zeros(len(features)).index_add(0, index, values * (len(features) / max(1, len(index))))


def build(context: Context, *, way: int = 0, shots: int = 5) -> Prototypical:  # noqa: ARG001
    """Episodic loss of prototypical networks.

    A batch should hold several images of each class: with many classes set a larger batch_size.

    Args:
        context: not used.
        way: classes in an episode, 2 or more; 0: all classes in the batch.
        shots: support images per class, at most; 1 or more.

    Raises:
        ValueError: a number is out of range.
    """
    if isinstance(way, bool) or not isinstance(way, int) or way < 0 or way == 1:
        raise ValueError(f"way must be 0 or a whole number from 2, not {way!r}")
    if isinstance(shots, bool) or not isinstance(shots, int) or shots < 1:
        raise ValueError(f"shots must be a whole number from 1, not {shots!r}")
    return Prototypical(way, shots)

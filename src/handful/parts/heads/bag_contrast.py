"""Instance contrast, prototypes and image labels that are corrected in training: INS for bags, on frozen features.

Qu et al. 2023 (https://arxiv.org/abs/2307.02249). An image of a negative bag is negative; one of another bag is
negative or of the bag's class. Three terms are added up. Contrast: projections of images that are predicted alike are
drawn together against the keys of a slowly moving copy of the projection. Labels: from `WARM_UP` on, the label of
each image moves towards the class of its nearest prototype, a moving average of the projections of each predicted
class, and the images learn these labels. Bags: cross-entropy of max pooling, as in heads/bag_max, where the paper
pools by the mean. Here the classifier and the projection are linear, each step reads all images, and the contrast
draws its queries at random from them, so that there is no queue of keys. Two views of an image differ where the
recipe has `cache_views`. An offset of each class's scores, fitted on held-out bags, puts right that most images of a
positive bag learn to be negative.
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._bags import Bags, minimize, negative_class
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform
from handful.parts.heads._fitted import strengths_of
from handful.parts.heads.bag_max import LR, SCALE, STEPS, BagMax

fitted = True
own_classes = True
bag = True
needs_bag = True
PROJECTED, QUERIES = 64, 256  # length of a projection, and images whose contrast a step computes
TEMPERATURE = 0.07  # of the contrast
MOMENTUM, PROTOTYPE_MOMENTUM = 0.99, 0.9  # of the copy of the projection, and of the prototypes
LABEL_MOMENTUM = (0.95, 0.8)  # of the labels of images, at the first step after the warm-up and at the last
WARM_UP = 0.2  # share of the steps before labels of images move


class BagContrast(BagMax):
    """Keeps `weight` and `bias`; the score of a bag is that of max pooling."""

    contrast: float = 1.0
    image_labels: float = 0.5

    def learn_bags(self, bags: Bags, *, strength: float, seed: int) -> dict[str, Float[np.ndarray, "..."]]:
        """The classifier of least loss; see the module."""
        loss = _Loss(self, bags, torch.Generator().manual_seed(seed % 2**63))
        minimize([loss.weight], [loss.bias, loss.projection], loss, steps=STEPS, lr=LR, penalty=strength)
        return {"weight": SCALE * loss.weight.detach().numpy(), "bias": loss.bias.detach().numpy()}


class _Loss:
    """The loss of a step, and what moves from step to step: the slow projection, prototypes, and labels of images."""

    def __init__(self, head: BagContrast, bags: Bags, generator: torch.Generator) -> None:
        self.head, self.generator, self.step = head, generator, 0
        self.x, self.index = SCALE * torch.from_numpy(bags.x), torch.from_numpy(bags.index)
        self.bag_labels = torch.from_numpy(bags.labels)
        n, c = self.x.shape
        self.allowed = torch.zeros((n, head.classes), dtype=torch.bool)
        self.allowed[:, head.negative] = True
        self.allowed[torch.arange(n), self.bag_labels[self.index]] = True
        self.labels = self.allowed.float() / self.allowed.sum(dim=1, keepdim=True)
        self.prototypes = torch.zeros((head.classes, PROJECTED))
        self.weight = torch.zeros((head.classes, c), requires_grad=True)
        self.bias = torch.zeros(head.classes, requires_grad=True)
        self.projection = torch.randn((PROJECTED, c), generator=generator).div_(c**0.5).requires_grad_()
        self.slow = self.projection.detach().clone()

    def __call__(self) -> Tensor:
        """The weighted sum of the three terms."""
        scores = F.linear(self.x, self.weight, self.bias)
        queries = F.normalize(F.linear(self.x, self.projection), dim=1)
        predicted = predicted_classes(scores.detach(), self.allowed, negative=self.head.negative)
        self.slow.lerp_(self.projection.detach(), 1 - MOMENTUM)
        keys = F.normalize(F.linear(self.x, self.slow), dim=1)
        self._move_prototypes(queries.detach(), predicted)
        self._move_labels(queries.detach(), self.step / STEPS)
        self.step += 1
        rows = torch.randperm(len(queries), generator=self.generator)[:QUERIES]
        pooled = self.head.bag_logits(scores, None, self.index, len(self.bag_labels))
        learned = -(self.labels * scores.log_softmax(dim=1)).sum(dim=1).mean()
        total = F.cross_entropy(pooled, self.bag_labels) + self.head.image_labels * learned
        return total + self.head.contrast * contrast(queries[rows], keys, predicted[rows], predicted)

    def _move_prototypes(self, queries: Float[Tensor, "n p"], predicted: Int[Tensor, " n"]) -> None:
        """Move each prototype towards the mean of the images that are predicted to be of its class."""
        for c in set(predicted.tolist()):
            mean = queries[predicted == c].mean(dim=0)
            self.prototypes[c] = F.normalize(self.prototypes[c].lerp(mean, 1 - PROTOTYPE_MOMENTUM), dim=0)

    def _move_labels(self, queries: Float[Tensor, "n p"], progress: float) -> None:
        """Move the label of each image towards the class, of those that it may have, with the nearest prototype."""
        if progress < WARM_UP:
            return
        nearest = (queries @ self.prototypes.T).masked_fill(~self.allowed, -torch.inf).argmax(dim=1)
        first, last = LABEL_MOMENTUM
        momentum = first + (last - first) * (progress - WARM_UP) / (1 - WARM_UP)
        self.labels = self.labels.lerp(F.one_hot(nearest, self.labels.shape[1]).float(), 1 - momentum)


def predicted_classes(
    scores: Float[Tensor, "n k"], allowed: Bool[Tensor, "n k"], *, negative: int
) -> Int[Tensor, " n"]:
    """The class of highest score among those that an image may have; the negative one where it is no lower."""
    highest, classes = scores.masked_fill(~allowed, -torch.inf).max(dim=1)
    return classes.where(highest > scores[:, negative], torch.full_like(classes, negative))


def contrast(
    queries: Float[Tensor, "q p"],
    keys: Float[Tensor, "n p"],
    query_classes: Int[Tensor, " q"],
    key_classes: Int[Tensor, " n"],
) -> Float[Tensor, ""]:
    """Mean over queries, and over the keys of a query's class, of a key's negative log-probability among all keys."""
    log_probabilities = (queries @ keys.T / TEMPERATURE).log_softmax(dim=1)
    same = (query_classes[:, None] == key_classes).float()
    return -((log_probabilities * same).sum(dim=1) / same.sum(dim=1)).mean()


def build(
    context: Context,
    *,
    backbone: Backbone,
    penalty: float = 10.0,
    negative: str | None = None,
    contrast: float = 1.0,
    image_labels: float = 0.5,
    offset: bool = True,
    transform: FeatureTransform = DEFAULT,
) -> nn.Module:
    """Build the head.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        penalty: on the squares of the weights.
        negative: the class of bags without a positive image; None: recognized by its name, such as negative or normal.
        contrast: weight of the contrast, from 0 on.
        image_labels: weight of the cross-entropy with the labels of images, from 0 on.
        offset: whether held-out bags decide on an offset of each class's scores; without one too few bags are positive.
        transform: options `center`, `l2` and `tukey`, see `FeatureTransform`.

    Raises:
        RecipeError: the negative class is not known.
        ValueError: a penalty or a power that is not above 0, or a weight below 0.
    """
    for name, value in (("contrast", contrast), ("image_labels", image_labels)):
        if not value >= 0:
            raise ValueError(f"{name} must be 0 or more, not {value!r}")
    head = BagContrast(backbone.channels, len(context.task.classes), transform)
    head.negative = negative_class(negative, context.task.classes, where="heads/bag_contrast")
    head.contrast, head.image_labels, head.fits_offset = contrast, image_labels, offset
    head.strengths = strengths_of(penalty, (), name="penalty")
    return head

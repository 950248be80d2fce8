"""Logistic regression on labelled images and on unlabelled ones with pseudo-labels from label propagation.

The pseudo-labels of Iscen et al. 2019 (https://arxiv.org/abs/1904.04717): each unlabelled image takes the class with
most of its share in the graph of head `label_propagation`, counts 1 - H / log k (H: entropy of its shares, k: number of
classes), and every image counts one over the number of images of its class, so that frequent guesses do not rule. The
paper trains a network on them and propagates anew in every epoch; here features are frozen, so once is enough.

The paper does not say how strongly such a regression should be penalized; we scale the counts so that they sum to the
number of labelled images, and take C = 10. Nor does it use the graph in prediction; we add `mix` times the logarithm of
a new image's shares in it to the regression's log probabilities. C and mix were chosen on draws of training images.
The pseudo-label of an image with several candidates for its class is one of these, see `label_propagation`.
"""

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform, check_positive
from handful.parts.heads._fitted import Arrays
from handful.parts.heads._propagation import LabelPropagation, labels_of
from handful.parts.heads._regression import regression

fitted = True
own_classes = True
candidates = True
uses_unlabelled = True


class PseudoLabels(LabelPropagation):
    """Keeps the graph, as its parent does, and the regression's `weight` [k c] and `bias` [k]."""

    names = ("keys", "values", "weight", "bias")
    start = 0.7
    mix = 0.5

    def learn(
        self, x: Float32[np.ndarray, "m c"], y: Int[np.ndarray, " m"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """Propagate the labels, then fit the regression to them."""
        return _with_regression(super().learn(x, y, strength=strength), x, y, strength)

    def learn_candidates(
        self,
        x: Float32[np.ndarray, "m c"],
        targets: Float32[np.ndarray, "m k"],
        candidates: Float32[np.ndarray, "m k"],
        *,
        strength: float,
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The same of images of which some have candidates, whose shares are among these."""
        graph = super().learn_candidates(x, targets, candidates, strength=strength)
        return _with_regression(graph, x, labels_of(targets), strength)

    def score(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, "n k"]:
        """The regression's log probabilities, and `mix` times the logarithms of the shares in the graph."""
        regressed = F.linear(x, arrays["weight"], arrays["bias"]).log_softmax(dim=1)
        return regressed + self.mix * super().score(x, arrays)


def _with_regression(
    graph: dict[str, Float[np.ndarray, "..."]], x: Float32[np.ndarray, "m c"], y: Int[np.ndarray, " m"], strength: float
) -> dict[str, Float[np.ndarray, "..."]]:
    """The graph's arrays, and those of the regression on its pseudo-labels."""
    guesses, counts = pseudo_labels(graph["values"], y)
    weight, bias = regression(x, guesses, strength, weights=counts)
    return {**graph, "weight": weight, "bias": bias}


def pseudo_labels(
    shares: Float[np.ndarray, "m k"], y: Int[np.ndarray, " m"]
) -> tuple[Int[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """A class for each image, its own where it is labelled, and what the image counts: as many as there are labels.

    Args:
        shares: of each class in each image, 0..1.
        y: labels; -1: none.
    """
    known, k = y >= 0, shares.shape[1]
    guesses = np.where(known, y, shares.argmax(axis=1))
    entropy = -(shares * np.log(shares + 1e-12)).sum(axis=1)
    certain = np.where(known, 1.0, np.clip(1 - entropy / np.log(k), 0, 1))
    counts = certain / np.bincount(guesses, minlength=k)[guesses]
    return guesses, counts * known.sum() / counts.sum()


def check_mix(mix: float) -> None:
    """Refuse a weight of label propagation's scores that is no number from 0.

    Raises:
        ValueError: it is none.
    """
    if isinstance(mix, bool) or not 0 <= mix < float("inf"):
        raise ValueError(f"mix must be a number from 0, not {mix!r}")


def build(
    context: Context,
    *,
    backbone: Backbone,
    C: float = 10.0,
    mix: float = 0.5,
    neighbors: int = 10,
    spread: float = 0.8,
    power: float = 3.0,
    transform: FeatureTransform = DEFAULT,
) -> nn.Module:
    """Build the head of logistic regression on pseudo-labels.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        C: inverse penalty of the regression.
        mix: weight of label propagation's own scores; 0: none.
        neighbors: how many images each image is joined to.
        spread: share of an image's label that comes from its neighbors; below 1.
        power: power of the cosine in an edge's weight.
        transform: options `center`, `l2` and `tukey`, see `FeatureTransform`.

    Raises:
        ValueError: an option out of range.
    """
    check_positive(C=C)
    check_mix(mix)
    classes = len(context.task.classes)
    head = PseudoLabels(backbone.channels, classes, transform, neighbors=neighbors, spread=spread, power=power)
    head.strengths, head.mix = (float(C),), float(mix)
    return head

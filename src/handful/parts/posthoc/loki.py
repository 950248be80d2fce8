"""Loki: the class is the Fréchet mean of the probabilities under a distance between classes, not their maximum.

Roberts et al. 2023, https://arxiv.org/abs/2307.12226, equation 1: the class y that minimises sum_i P(i | x) d(y, i)^2.
Where a network wavers between near classes, one among them wins over a far one that is a little more probable.

The paper scores with d^2 and predicts alone. Here the costs, over the mean d^2 of two different classes, become
probabilities by a softmax of minus cost / temperature; the class they favour is the Fréchet mean at any temperature.

y may also range over more than the trained classes i: `with_groups` adds the groups of a tree. A leaf that was not
trained on is never the mean there: its group is one edge nearer to every trained class.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.hierarchy import Hierarchy
from handful.core.recipe import Part
from handful.core.tensors import LabelEmbedding, Output
from handful.errors import RecipeError
from handful.models.classifier import Classifier
from handful.models.ensemble import each
from handful.models.posthoc_module import PosthocModule

Metric = Literal["labels", "hierarchy"]


class FrechetMean(PosthocModule):
    """A network whose logits are minus each class's cost; `part` says how to build it again.

    `squared` [k j] holds the squared distances from the k trained classes to all j: of `build`, where j is k, 1 in the
    mean over different ones; of `with_groups` in edges.
    """

    squared: Tensor

    def __init__(self, network: nn.Module, *, temperature: float, classes: int) -> None:
        super().__init__(network, Part("loki", {"temperature": temperature, "classes": classes}))
        self.temperature = temperature
        self.register_buffer("squared", torch.ones(classes, classes) - torch.eye(classes))

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """The network's output with other logits; pixel maps stay as they are."""
        output: Output = self.network(images)
        with torch.autocast(images.device.type, enabled=False):
            cost = output.logits.float().softmax(dim=1) @ self.squared
        return replace(output, logits=-cost / self.temperature)


def wrap(network: nn.Module, *, temperature: float = 0.1, classes: int = 1) -> FrechetMean:
    """The network with equal distances between all classes, to be filled in; also rebuilds a saved one.

    Raises:
        ValueError: the temperature is out of range.
    """
    if isinstance(temperature, bool) or not 0 < temperature <= 1e6:
        raise ValueError(f"temperature must be above 0, not {temperature!r}")
    return FrechetMean(network, temperature=float(temperature), classes=classes)


def of_labels(labels: LabelEmbedding) -> Float[Tensor, "k k"]:
    """Squared Euclidean distances of the class vectors, of their directions where these are what is compared."""
    vectors = labels.vectors.double().cpu()
    if labels.similarity == "cosine":
        vectors = F.normalize(vectors, dim=1)
    return torch.cdist(vectors, vectors, compute_mode="donot_use_mm_for_euclid_dist").square()


def of_hierarchy(hierarchy: Hierarchy) -> Float[Tensor, "k k"]:
    """Squared numbers of edges between the leaves of the tree."""
    return _squared_edges(hierarchy, hierarchy.leaves, tuple(range(hierarchy.leaves)))


def scaled(squared: Float[Tensor, "k k"]) -> Float[Tensor, "k k"]:
    """Divided by the mean over different classes."""
    different = ~torch.eye(len(squared), dtype=torch.bool)
    return (squared / squared[different].mean()).float()


def with_groups(one: Classifier, hierarchy: Hierarchy, *, temperature: float = 0.25) -> Classifier:
    """A classifier that also predicts groups of a tree: those with trained classes below them, but not the root.

    Args:
        one: its classes are the first leaves of the tree; further leaves only shape the tree.
        hierarchy: the tree.
        temperature: as in `build`, for distances in edges: a sure class is exp(4) times as probable as its group, in
            small trees and in deep ones.
    """
    k = len(one.classes)
    assert hierarchy.names[:k] == one.classes
    groups = groups_above(hierarchy, k)
    squared = _squared_edges(hierarchy, k, (*range(k), *groups))
    wrapped = wrap(one.network, temperature=temperature)
    wrapped.squared = squared.float()
    return replace(
        one,
        classes=(*one.classes, *(hierarchy.names[node] for node in groups)),
        counts=np.concatenate([one.counts, np.zeros(len(groups), dtype=one.counts.dtype)]),
        network=wrapped.to(one.device).eval(),
    )


def groups_above(hierarchy: Hierarchy, k: int) -> tuple[int, ...]:
    """The nodes other than the root that have one of the first k leaves below them, in the order of the tree."""
    return tuple(sorted({node for leaf in range(k) for node in hierarchy.path(leaf)[1:-1]}))


def _squared_edges(hierarchy: Hierarchy, k: int, nodes: tuple[int, ...]) -> Float[Tensor, "k j"]:
    """Squared numbers of edges from the first k leaves to nodes."""
    paths = [frozenset(hierarchy.path(node)) for node in nodes]
    # of two paths to the root, the edges between their ends are those that only one of them has
    edges = [[len(leaf ^ node) for node in paths] for leaf in paths[:k]]
    return torch.tensor(edges, dtype=torch.float64).square()


def build(
    context: Context, *, metric: Metric = "labels", temperature: float = 0.1
) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Predict the Fréchet mean; of an ensemble, every member does.

    Args:
        context: gives the class vectors, or the recipe's [hierarchy].
        metric: "labels": distances of the recipe's class vectors (those of one-hot vectors are all equal, and no
            prediction changes); "hierarchy": edges between two classes in the recipe's tree.
        temperature: how sure the probabilities are; changes no prediction.

    Raises:
        ValueError: an unknown metric, or a temperature out of range.
        RecipeError: the metric is the tree's and the recipe has none.
    """
    wrap(nn.Identity(), temperature=temperature)
    if metric not in get_args(Metric):
        raise ValueError(f"metric must be one of {', '.join(get_args(Metric))}, not {metric!r}")
    if metric == "hierarchy" and context.recipe.hierarchy is None:
        raise RecipeError(
            'metric = "hierarchy" needs a tree of the classes',
            where="posthoc/loki",
            remedy='add a [hierarchy] table, or use metric = "labels".',
        )
    if metric == "labels":
        squared = of_labels(context.labels)
    else:
        assert context.hierarchy is not None, "built before the posthoc parts are"
        squared = of_hierarchy(context.hierarchy)
    squared = scaled(squared)

    def change(one: Classifier) -> Classifier:
        wrapped = wrap(one.network, temperature=temperature, classes=len(one.classes))
        wrapped.squared.copy_(squared)
        return replace(one, network=wrapped.to(one.device).eval())

    def apply(classifiers: tuple[Classifier, ...], _data: Dataset) -> Classifier:
        return each(classifiers[0], change)

    return apply

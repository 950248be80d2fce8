"""Label propagation on a nearest-neighbor graph of features; `label_propagation` names the papers."""

from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Int
from scipy.sparse import csr_matrix, diags
from sklearn.semi_supervised import LabelSpreading
from torch import Tensor

from handful.parts.heads._candidate_head import CandidateHead
from handful.parts.heads._feature_transform import FeatureTransform, check_positive
from handful.parts.heads._fitted import Arrays


class LabelPropagation(CandidateHead):
    """Keeps the features in the graph, `keys` [m c], and their class shares, `values` [m k]."""

    names: tuple[str, ...] = ("keys", "values")

    def __init__(
        self,
        channels: int,
        classes: int,
        transform: FeatureTransform,
        *,
        neighbors: int,
        spread: float,
        power: float,
    ) -> None:
        super().__init__(channels, classes, transform)
        check_positive(neighbors=neighbors, power=power)
        if not isinstance(neighbors, int):
            raise ValueError(f"neighbors must be a whole number, not {neighbors!r}")
        if isinstance(spread, bool) or not 0 < spread < 1:
            raise ValueError(f"spread must be between 0 and 1, not {spread!r}")
        self.neighbors, self.spread, self.power = neighbors, spread, float(power)

    def learn(
        self,
        x: Float32[np.ndarray, "m c"],
        y: Int[np.ndarray, " m"],
        *,
        strength: float,  # noqa: ARG002
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """Scikit-learn's label spreading."""
        kernel = partial(graph, neighbors=self.neighbors, power=self.power)
        model = LabelSpreading(kernel=kernel, alpha=self.spread, max_iter=1000, tol=1e-4).fit(x, y)
        return {"keys": x, "values": model.label_distributions_}

    def learn_candidates(
        self,
        x: Float32[np.ndarray, "m c"],
        targets: Float32[np.ndarray, "m k"],
        candidates: Float32[np.ndarray, "m k"],
        *,
        strength: float,  # noqa: ARG002
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """An image with candidates starts with an equal share of each, and never has a share of another class."""
        edges = normalized(graph(x, None, neighbors=self.neighbors, power=self.power))
        among = possible_classes(candidates > 0)
        seeds = targets + candidates / np.maximum(candidates.sum(axis=1, keepdims=True), 1)
        return {"keys": x, "values": propagate(edges, seeds, spread=self.spread, among=among)}

    def weights_of(self, targets: Float[Tensor, "n k"], candidates: Float[Tensor, "n k"]) -> None:
        """Images have no weights here, and unlabelled ones count as the others."""

    def score(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, "n k"]:
        """Logarithms of the classes' shares among the neighbors."""
        near, index = nearest(x, arrays["keys"], self.neighbors)
        weight = near.clamp_min(1e-6) ** self.power
        weight = weight / weight.sum(dim=1, keepdim=True)
        shares = torch.einsum("nj,njk->nk", weight, arrays["values"][index])
        return (shares + 1e-3 / self.classes).log()


def nearest(
    x: Float[Tensor, "n c"], keys: Float[Tensor, "m c"], neighbors: int
) -> tuple[Float[Tensor, "n j"], Int[Tensor, "n j"]]:
    """The largest cosines of each row with the keys, and the indices of these keys."""
    cosines = F.normalize(x, dim=1) @ F.normalize(keys, dim=1).T
    near, index = cosines.topk(min(neighbors, len(keys)), dim=1)
    return near, index


def graph(x: Float[np.ndarray, "m c"], _same: Any, *, neighbors: int, power: float) -> csr_matrix:
    """The symmetric weight matrix [m m] of the neighbor graph; its diagonal is 0."""
    rows = torch.from_numpy(np.ascontiguousarray(x, np.float32))
    parts = [nearest(rows[start : start + 1024], rows, neighbors + 1) for start in range(0, len(rows), 1024)]
    near, index = (torch.cat(columns).numpy() for columns in zip(*parts, strict=True))
    origin = np.repeat(np.arange(len(x)), index.shape[1])
    weight = near.ravel().clip(1e-6) ** power
    weight[origin == index.ravel()] = 0
    one_way = csr_matrix((weight.astype(np.float64), (origin, index.ravel())), shape=(len(x), len(x)))
    return one_way + one_way.T


def possible_classes(candidates: Bool[np.ndarray, "m k"]) -> Bool[np.ndarray, "m k"]:
    """The classes that each image may have: its candidates, and all of an image without any."""
    return candidates | ~candidates.any(axis=1, keepdims=True)


def labels_of(targets: Float32[np.ndarray, "m k"]) -> Int[np.ndarray, " m"]:
    """The label of each image, -1 where its row is 0 everywhere."""
    return np.where(targets.any(axis=1), targets.argmax(axis=1), -1)


def normalized(edges: csr_matrix) -> csr_matrix:
    """Edge weights divided by the square roots of both nodes' sums."""
    sums = np.asarray(edges.sum(axis=1)).ravel()
    root = diags(1 / np.sqrt(np.where(sums > 0, sums, 1)))
    result: csr_matrix = (root @ edges @ root).tocsr()
    return result


def propagate(
    edges: csr_matrix,
    seeds: Float[np.ndarray, "m k"],
    *,
    spread: float,
    tolerance: float = 1e-4,
    among: Bool[np.ndarray, "m k"] | None = None,
) -> Float[np.ndarray, "m k"]:
    """Class shares of each node, as scikit-learn's label spreading has them for one-hot seeds.

    Args:
        edges: normalized.
        seeds: what each node starts from, any numbers from 0 up.
        spread: share that comes from the neighbors.
        tolerance: the sum of absolute changes at which the iteration ends.
        among: the classes that each node may have; it neither takes nor passes on shares of others, as in the
            propagation of Zhang and Yu 2015 ("Solving the Partial Label Learning Problem"). None: all.
    """
    shares, previous = seeds, np.zeros_like(seeds)
    while np.abs(shares - previous).sum() >= tolerance:
        shares, previous = spread * (edges @ shares) + (1 - spread) * seeds, shares
        if among is not None:
            shares = shares * among
    total = shares.sum(axis=1, keepdims=True)
    result: Float[np.ndarray, "m k"] = shares / np.where(total > 0, total, 1)
    return result

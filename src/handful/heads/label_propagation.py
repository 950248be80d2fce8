"""Labels spread from labelled to unlabelled images along a graph of neighbours in frozen features.

Zhou et al. 2004 (Learning with Local and Global Consistency), on the graph of Iscen et al. 2019
(https://arxiv.org/abs/1904.04717): images are joined to their nearest `neighbours` with weight cosine ** `power`. An
image that was not in the graph takes the mean of its nearest neighbours' class shares in it, by the same weights.

The unlabelled images are those that training is given. Those to be scored are among them only in a transductive
evaluation, which has to be asked for. Without unlabelled images the graph is over the labelled ones. The papers take 50
neighbours and a spread of 0.99; the defaults were found on draws of CIFAR-10's training part.
"""

from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int
from scipy.sparse import csr_matrix
from sklearn.semi_supervised import LabelSpreading
from torch import Tensor, nn

from handful.heads._fitted import Arrays, FittedHead, check_positive
from handful.types import Backbone, Context

fitted = True
own_classes = True
uses_unlabelled = True


class LabelPropagation(FittedHead):
    """Keeps the features in the graph, `keys` [m c], and their class shares, `values` [m k]."""

    names = ("keys", "values")

    def __init__(
        self, channels: int, classes: int, *, neighbours: int, spread: float, power: float, centre: bool, l2: bool
    ) -> None:
        super().__init__(channels, classes, centre=centre, l2=l2)
        self.neighbours, self.spread, self.power = neighbours, spread, power

    def learn(
        self,
        x: Float32[np.ndarray, "m c"],
        y: Int[np.ndarray, " m"],
        *,
        strength: float,  # noqa: ARG002
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """Scikit-learn's label spreading."""
        kernel = partial(graph, neighbours=self.neighbours, power=self.power)
        model = LabelSpreading(kernel=kernel, alpha=self.spread, max_iter=1000, tol=1e-4).fit(x, y)
        return {"keys": x, "values": model.label_distributions_}

    def score(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, "n k"]:
        """Logarithms of the classes' shares among the neighbours."""
        near, index = nearest(x, arrays["keys"], self.neighbours)
        weight = near.clamp_min(1e-6) ** self.power
        weight = weight / weight.sum(dim=1, keepdim=True)
        shares = torch.einsum("nj,njk->nk", weight, arrays["values"][index])
        return (shares + 1e-3 / self.classes).log()


def nearest(
    x: Float[Tensor, "n c"], keys: Float[Tensor, "m c"], neighbours: int
) -> tuple[Float[Tensor, "n j"], Int[Tensor, "n j"]]:
    """The largest cosines of each row to the keys, and whose they are."""
    cosines = F.normalize(x, dim=1) @ F.normalize(keys, dim=1).T
    near, index = cosines.topk(min(neighbours, len(keys)), dim=1)
    return near, index


def graph(x: Float[np.ndarray, "m c"], _same: Any, *, neighbours: int, power: float) -> csr_matrix:
    """The symmetric weights [m m] between neighbours, none of an image to itself."""
    rows = torch.from_numpy(np.ascontiguousarray(x, np.float32))
    parts = [nearest(rows[start : start + 1024], rows, neighbours + 1) for start in range(0, len(rows), 1024)]
    near, index = (torch.cat(columns).numpy() for columns in zip(*parts, strict=True))
    origin = np.repeat(np.arange(len(x)), index.shape[1])
    weight = near.ravel().clip(1e-6) ** power
    weight[origin == index.ravel()] = 0
    one_way = csr_matrix((weight.astype(np.float64), (origin, index.ravel())), shape=(len(x), len(x)))
    return one_way + one_way.T


def build(
    context: Context,
    *,
    backbone: Backbone,
    neighbours: int = 10,
    spread: float = 0.8,
    power: float = 3.0,
    centre: bool = True,
    l2: bool = True,
) -> nn.Module:
    """Label propagation.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        neighbours: how many each image is joined to.
        spread: share of an image's label that comes from its neighbours, the papers' alpha; below 1.
        power: of the cosine, the papers' gamma.
        centre: subtract the mean of all images that training is given.
        l2: bring features to length 1; cosines are taken either way.

    Raises:
        ValueError: an option out of range.
    """
    check_positive(neighbours=neighbours, power=power)
    if not isinstance(neighbours, int):
        raise ValueError(f"neighbours is a whole number, not {neighbours!r}")
    if isinstance(spread, bool) or not 0 < spread < 1:
        raise ValueError(f"spread must be between 0 and 1, not {spread!r}")
    classes = len(context.task.classes)
    return LabelPropagation(
        backbone.channels, classes, neighbours=neighbours, spread=spread, power=float(power), centre=centre, l2=l2
    )

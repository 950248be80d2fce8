"""p-values of a network's folds, and how many images a coverage takes: what posthoc/conformal computes with."""

from copy import deepcopy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.errors import ModelError
from handful.posthoc._cross_fit import plain_network
from handful.types import Output, Part

HERE = "posthoc/conformal"


class _Given(nn.Module):
    """In the place of a backbone whose maps are handed in."""

    def rest(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The maps."""
        return maps


class CrossConformal(nn.Module):
    """A network with those of the folds, and how well each training image fitted its class where it was left out.

    Where the folds' backbones are the network's own (frozen), only their heads are kept.
    """

    scores: Tensor
    labels: Tensor
    fold: Tensor
    weights: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        coverage: float,
        by_class: bool,
        folds: int,
        images: int,
        classes: int,
        shared: bool,
    ) -> None:
        super().__init__()
        self.network = network
        shape = {"folds": folds, "images": images, "classes": classes, "shared": shared}
        self.part = Part("conformal", {"coverage": coverage, "by_class": by_class, **shape})
        self.coverage, self.by_class, self.shared = coverage, by_class, shared
        self.folds = nn.ModuleList(_bare(plain_network(network), shared=shared) for _ in range(folds))
        self.register_buffer("scores", torch.zeros(images))
        self.register_buffer("labels", torch.zeros(images, dtype=torch.int64))
        self.register_buffer("fold", torch.zeros(images, dtype=torch.int64))
        self.register_buffer("weights", torch.ones(classes))

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """The network's output as it is."""
        output: Output = self.network(images)
        return output

    def p_values(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n k"]:
        """p-value of each class for each image, in (0, 1]."""
        scores = [-output.logits.float().log_softmax(dim=1) for output in self._outputs(images)]
        k = scores[0].shape[1]
        sums = torch.zeros_like(scores[0])
        for number, own in enumerate(scores):
            here = self.fold == number
            worse = (self.scores[here][None, :, None] >= own[:, None, :]).float()
            if self.by_class:
                worse = worse * F.one_hot(self.labels[here], k)[None]
            sums += (worse * self.weights[self.labels[here]][None, :, None]).sum(dim=1)
        total = torch.bincount(self.labels, minlength=k) if self.by_class else self.weights[self.labels].sum()
        return (sums + self.weights) / (total + self.weights)

    def _outputs(self, images: Float[Tensor, "n 3 h w"]) -> list[Output]:
        """The folds' outputs; a backbone that they share runs once."""
        network: Any = plain_network(self.network)
        folds: list[Any] = list(self.folds)
        if not self.shared:
            return [fold(images) for fold in folds]
        if getattr(network.head, "fitted", False):
            features = network.features(images)
            return [fold.head.output(features) for fold in folds]
        maps = network.feature_maps(images)
        return [fold(images, maps) for fold in folds]

    def level(self, coverage: float | None = None) -> float:
        """1 - coverage; None: the model's own.

        Raises:
            ModelError: the training images do not support this coverage.
        """
        wish = self.coverage if coverage is None else coverage
        if isinstance(wish, bool) or not 0 < wish < 1:
            raise ModelError(f"coverage is {wish!r}", where=HERE, remedy="give a share between 0 and 1, e.g. 0.9.")
        fewest = int(torch.bincount(self.labels).min()) if self.by_class else len(self.scores)
        heaviest = float(self.weights.max())
        needed = images_needed(wish, heaviest=heaviest)
        if fewest < needed:
            raise ModelError(
                f"sets of coverage {wish:g} take {needed} training images{' of each class' if self.by_class else ''}, "
                f"and there were {fewest}",
                where=HERE,
                remedy=f"ask for {most_coverage(fewest, heaviest=heaviest):.3g} or less.",
            )
        return 1 - wish


def images_needed(coverage: float, *, heaviest: float = 1.0) -> int:
    """The fewest images n whose smallest possible p-value, 1 / (n + 1), rules a class out at this coverage.

    `heaviest` is the largest weight of a class, beside a mean of 1: its p-values are w / (n + w) or more.
    """
    return int(np.ceil(round(heaviest * (1 / (1 - coverage) - 1), 6)))


def most_coverage(images: int, *, heaviest: float = 1.0) -> float:
    """The highest coverage that so many images support, rounded down to three digits."""
    return float(np.floor(1000 * images / (images + heaviest) + 1e-9) / 1000)


def _bare(network: nn.Module, *, shared: bool) -> nn.Module:
    """A copy to be filled with a fold's weights, without what the losses learnt."""
    copy: Any = deepcopy(network)
    inner = copy
    while hasattr(inner, "part"):
        inner = inner.network
    inner.losses = nn.ModuleList()
    if shared:
        inner.backbone = _Given()
    assert isinstance(copy, nn.Module)
    return copy

"""p-values of a network's folds, and how many images a coverage takes: what posthoc/conformal computes with."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.recipe import Part
from handful.core.tensors import Output
from handful.models.conformal_coverage import HERE as HERE
from handful.models.conformal_coverage import images_needed as images_needed
from handful.models.conformal_coverage import most_coverage as most_coverage
from handful.models.conformal_coverage import significance
from handful.models.posthoc_module import PosthocModule, unwrap
from handful.parts.posthoc._folds import plain_network

Held = tuple[Float[Tensor, " m"], Float[Tensor, "m k"]]


class _Given(nn.Module):
    """In the place of a backbone whose maps are handed in."""

    def rest(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The maps."""
        return maps


class CrossConformal(PosthocModule):
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
        shape = {"folds": folds, "images": images, "classes": classes, "shared": shared}
        super().__init__(network, Part("conformal", {"coverage": coverage, "by_class": by_class, **shape}))
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

    def p_values(self, images: Float[Tensor, "n 3 h w"], held: Sequence[Held] | None = None) -> Float[Tensor, "n k"]:
        """p-value of each class for each image, in (0, 1].

        `held`: what `held` gave, for a graph, which cannot pick a fold's images itself.
        """
        folds = self.held() if held is None else held
        sums, total = self.weights, self.weights
        for (scores, counts), output in zip(folds, self._outputs(images), strict=True):
            own = -output.logits.float().log_softmax(dim=1)
            worse = (scores[None, :, None] >= own[:, None, :]).float()
            sums = sums + (worse * counts[None]).sum(dim=1)
            total = total + counts.sum(dim=0)
        return sums / total

    def held(self) -> list[Held]:
        """For each fold the scores of the images it left out, and what each image counts for beside each class."""
        found = []
        for number in range(len(self.folds)):
            here = self.fold == number
            labels, k = self.labels[here], len(self.weights)
            counts = self.weights[labels][:, None].expand(-1, k)
            found.append((self.scores[here], counts * F.one_hot(labels, k) if self.by_class else counts))
        return found

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
        return significance(wish, images=self.fewest, heaviest=float(self.weights.max()), by_class=self.by_class)

    @property
    def fewest(self) -> int:
        """Training images that a class is compared with: all, or by class those of the rarest."""
        return int(torch.bincount(self.labels).min()) if self.by_class else len(self.scores)


def _bare(network: nn.Module, *, shared: bool) -> nn.Module:
    """A copy to be filled with a fold's weights, without what the losses learnt."""
    copy = deepcopy(network)
    inner: Any = unwrap(copy)
    inner.losses = nn.ModuleList()
    if shared:
        inner.backbone = _Given()
    return copy

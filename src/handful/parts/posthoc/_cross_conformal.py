"""Cross-conformal p-values: a network that also holds the networks and the held-out scores of its folds."""

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
from handful.parts.posthoc._folds import Fold, plain_network

FoldScores = tuple[Float[Tensor, "m k1"], Float[Tensor, "m k"]]  # k1: 1, or k


class _Given(nn.Module):
    """In the place of a backbone whose maps are handed in."""

    def rest(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Return the maps unchanged."""
        return maps


class CrossConformal(PosthocModule):
    """A network with the networks of its folds and the held-out score of each training image.

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
        self.folds = nn.ModuleList(_fold_network(plain_network(network), shared=shared) for _ in range(folds))
        self.register_buffer("scores", torch.zeros(images))
        self.register_buffer("labels", torch.zeros(images, dtype=torch.int64))
        self.register_buffer("fold", torch.zeros(images, dtype=torch.int64))
        self.register_buffer("weights", torch.ones(classes))

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """The network's output as it is."""
        output: Output = self.network(images)
        return output

    def p_values(
        self, images: Float[Tensor, "n 3 h w"], fold_scores: Sequence[FoldScores] | None = None
    ) -> Float[Tensor, "n k"]:
        """p-value of each class for each image, in (0, 1].

        Args:
            images: in [0, 1].
            fold_scores: return value of `fold_scores`, for an exported graph, which cannot select a fold's images.
        """
        folds = self.fold_scores() if fold_scores is None else fold_scores
        sums, total = self.weights, self.weights
        for (scores, counts), output in zip(folds, self._outputs(images), strict=True):
            new_scores = self.nonconformity(output.logits.float())
            worse = (scores[None] >= new_scores[:, None, :]).float()
            sums = sums + (worse * counts[None]).sum(dim=1)
            total = total + counts.sum(dim=0)
        return sums / total

    def nonconformity(self, logits: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """Minus the logarithm of each class's probability."""
        return -logits.log_softmax(dim=1)

    def fold_scores(self) -> list[FoldScores]:
        """Scores of the images held out of each fold, and their weights in the p-value of each class."""
        fold_scores = []
        for number in range(len(self.folds)):
            here = self.fold == number
            labels, k = self.labels[here], len(self.weights)
            counts = self.weights[labels][:, None].expand(-1, k)
            fold_scores.append((self.scores[here][:, None], counts * F.one_hot(labels, k) if self.by_class else counts))
        return fold_scores

    def fill_folds(self, parts: Sequence[Fold]) -> None:
        """Take the networks of the folds, and which of them each image was held out of."""
        self.fold.copy_(torch.repeat_interleave(torch.tensor([len(part.held_out) for part in parts])))
        for network, part in zip(self.folds, parts, strict=True):
            state = part.classifier.network.state_dict()
            network.load_state_dict({name: value for name, value in state.items() if name in network.state_dict()})

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

    def significance(self, coverage: float | None = None) -> float:
        """Significance level 1 - coverage; None: that of the model's own coverage.

        Raises:
            ModelError: the training images do not support this coverage.
        """
        requested = self.coverage if coverage is None else coverage
        return significance(requested, images=self.fewest, heaviest=float(self.weights.max()), by_class=self.by_class)

    @property
    def fewest(self) -> int:
        """Training images that a class is compared with: all, or by class those of the rarest."""
        return int(torch.bincount(self.labels).min()) if self.by_class else len(self.scores)


def _fold_network(network: nn.Module, *, shared: bool) -> nn.Module:
    """A copy to be filled with a fold's weights, without what the losses learnt."""
    copy = deepcopy(network)
    inner: Any = unwrap(copy)
    inner.losses = nn.ModuleList()
    if shared:
        inner.backbone = _Given()
    return copy

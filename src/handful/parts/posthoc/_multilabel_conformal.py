"""Cross-conformal sets of images with several labels: recall at least as promised, for each class by itself.

A class is compared with the training images that are known to show it (Vovk 2015, as in `_cross_conformal`): it is in
the set of an image unless its p-value there is 1 - coverage or less, so that of the images that show it a share of at
least `coverage` has it in the set. Images that are not known to show it say nothing.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from handful.core.recipe import Part
from handful.models.conformal_coverage import CLOSE
from handful.parts.posthoc._cross_conformal import CrossConformal, FoldScores
from handful.parts.posthoc._folds import Fold


class MultilabelConformal(CrossConformal):
    """A network with the networks of its folds and, for each training image and class, the held-out score."""

    shown: Tensor

    def __init__(self, network: Any, *, coverage: float, folds: int, images: int, classes: int, shared: bool) -> None:
        super().__init__(
            network, coverage=coverage, by_class=True, folds=folds, images=images, classes=classes, shared=shared
        )
        self.part = Part("conformal", {**self.part.options, "multilabel": True})
        del self.labels
        self.register_buffer("scores", torch.zeros(images, classes))
        self.register_buffer("shown", torch.zeros(images, classes, dtype=torch.bool))

    def nonconformity(self, logits: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """Minus the logarithm of each class's probability."""
        return F.softplus(-logits)

    def fold_scores(self) -> list[FoldScores]:
        """Scores of the images held out of each fold, and which of them show each class."""
        parts = [self.fold == number for number in range(len(self.folds))]
        return [(self.scores[here], self.shown[here].float()) for here in parts]

    @property
    def fewest(self) -> int:
        """Training images that show the rarest class."""
        return int(self.shown.sum(dim=0).min())

    def fill(self, parts: Sequence[Fold]) -> None:
        """Take the scores and the networks of the folds."""
        logits = torch.from_numpy(np.concatenate([part.logits for part in parts]))
        self.scores.copy_(self.nonconformity(logits))
        self.shown.copy_(torch.from_numpy(shown_in(parts)))
        self.fill_folds(parts)


def shown_in(parts: Sequence[Fold]) -> Bool[np.ndarray, "n k"]:
    """Which classes each held-out image is known to show."""
    return np.asarray(np.concatenate([part.held_out.targets() for part in parts]) == 1)


def expected_multilabel_size(parts: Sequence[Fold], coverage: float) -> float:
    """Mean number of classes in the sets of the training images, each compared with the others."""
    logits = torch.from_numpy(np.concatenate([part.logits for part in parts]))
    scores, shown = F.softplus(-logits).numpy(), shown_in(parts)
    size = 0.0
    for c in range(scores.shape[1]):
        known = np.sort(scores[shown[:, c], c])
        worse = len(known) - np.searchsorted(known, scores[:, c], side="left")  # itself counted, where it shows c
        p = (worse + 1 - shown[:, c]) / (len(known) + 1 - shown[:, c])
        size += float((p > 1 - coverage + CLOSE).mean())
    return size

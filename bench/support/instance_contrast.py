"""The terms of INS for the images of bags, in a network that is trained: contrast, prototypes and labels of images.

Qu et al. 2023 (https://arxiv.org/abs/2307.02249): two views, a slowly moving copy of the network whose keys wait in a
queue, prototypes of the classes, and labels of images that move towards the nearest prototype's class after a warm-up.
Momenta, temperature and weights are those of heads/bag_contrast.
"""

import copy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from handful.parts.heads.bag_contrast import (
    LABEL_MOMENTUM,
    MOMENTUM,
    PROJECTED,
    PROTOTYPE_MOMENTUM,
    WARM_UP,
    contrast,
    predicted_classes,
)

QUEUE, CONTRAST, IMAGE_LABELS = 500, 1.0, 0.5


class InstanceContrast:
    """What the images of bags add to the loss of the bags, and what moves from step to step.

    Args:
        features: of images, the network's own.
        classify: scores of the two classes by features; the first is the negative one.
        index: number of each training image's bag.
        labels: of the bags.
        generator: of the projection.
    """

    def __init__(
        self,
        features: nn.Module,
        classify: nn.Module,
        index: Int[np.ndarray, " n"],
        labels: Int[np.ndarray, " b"],
        generator: torch.Generator,
    ) -> None:
        self.classify = classify
        self.projection = nn.Linear(128, PROJECTED, bias=False)
        nn.init.normal_(self.projection.weight, std=128**-0.5, generator=generator)
        encoder: Any = copy.deepcopy(nn.Sequential(features, self.projection))
        self.encoder, self.slow = nn.Sequential(features, self.projection), encoder.requires_grad_(False)
        of_images = torch.from_numpy(labels[index])
        self.allowed = torch.stack([torch.ones_like(of_images), of_images], dim=1).bool()
        self.labels = self.allowed.float() / self.allowed.sum(dim=1, keepdim=True)
        self.prototypes = torch.zeros(2, PROJECTED)
        self.keys, self.classes = torch.zeros(0, PROJECTED), torch.zeros(0, dtype=torch.int64)

    def follow(self) -> None:
        """Set the slow copy to what the network is now."""
        self.slow.load_state_dict(self.encoder.state_dict())

    def loss(
        self, features: Float[Tensor, "n c"], rows: Int[Tensor, " n"], view: Float[Tensor, "n 1 h w"], progress: float
    ) -> Float[Tensor, ""]:
        """Contrast, and cross-entropy with the labels of images.

        Args:
            features: of the images of this step.
            rows: their positions among the training images.
            view: another view of them.
            progress: share of the training that is done.
        """
        scores, queries = self.classify(features), F.normalize(self.projection(features), dim=1)
        predicted = predicted_classes(scores.detach(), self.allowed[rows], negative=0)
        with torch.no_grad():
            for slow, fast in zip(self.slow.parameters(), self.encoder.parameters(), strict=True):
                slow.lerp_(fast, 1 - MOMENTUM)
            keys = torch.cat([F.normalize(self.slow(view), dim=1), self.keys])
            classes = torch.cat([predicted, self.classes])
            self._move(queries, predicted, rows, progress)
        learned = -(self.labels[rows] * scores.log_softmax(dim=1)).sum(dim=1).mean()
        total: Tensor = CONTRAST * contrast(queries, keys, predicted, classes) + IMAGE_LABELS * learned
        self.keys, self.classes = keys[:QUEUE], classes[:QUEUE]
        return total

    def _move(
        self, queries: Float[Tensor, "n p"], predicted: Int[Tensor, " n"], rows: Int[Tensor, " n"], progress: float
    ) -> None:
        for c in set(predicted.tolist()):
            mean = queries[predicted == c].mean(dim=0)
            self.prototypes[c] = F.normalize(self.prototypes[c].lerp(mean, 1 - PROTOTYPE_MOMENTUM), dim=0)
        if progress < WARM_UP:
            return
        nearest = (queries @ self.prototypes.T).masked_fill(~self.allowed[rows], -torch.inf).argmax(dim=1)
        first, last = LABEL_MOMENTUM
        momentum = first + (last - first) * (progress - WARM_UP) / (1 - WARM_UP)
        self.labels[rows] = self.labels[rows].lerp(F.one_hot(nearest, 2).float(), 1 - momentum)

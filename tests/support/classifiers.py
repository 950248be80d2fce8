"""Classifiers that need no training: random networks of the tiny recipe, and one that reads the mean colour."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.tensors import LabelEmbedding, Output
from handful.models.classifier import Classifier
from handful.parts import registry
from tests.support.datasets import CLASSES, context


class MeanColour(nn.Module):
    """Logits and features are the image's mean colour, ten times."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(10.0), requires_grad=False)

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        logits = images.mean(dim=(2, 3)) * self.scale
        return Output(logits, logits, logits)


def mean_colour(*, size: tuple[int, int] = (12, 12), classes: tuple[str, ...] = CLASSES) -> Classifier:
    labels = LabelEmbedding(torch.eye(len(classes)))
    counts = np.ones(len(classes), dtype=np.int64)
    return Classifier(context().recipe, classes, labels, MeanColour(), size, counts)


def untrained(kind: str = "linear", *, seed: int = 0, size: tuple[int, int] = (12, 12)) -> Classifier:
    """A network with random weights and batch-norm statistics that are not those of its birth."""
    given = context(kind)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = registry.build_network(given.recipe, given)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None
                module.running_mean += torch.randn(module.num_features) / 10
    network.eval().requires_grad_(False)
    return Classifier(given.recipe, CLASSES, given.labels, network, size, given.task.counts, {"seed": seed})

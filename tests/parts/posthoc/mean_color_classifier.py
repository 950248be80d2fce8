"""Images of one noisy color per class, and a training function that averages them, which takes milliseconds."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Recipe
from handful.core.tensors import LabelEmbedding, Output
from handful.models.classifier import Classifier
from tests.support.datasets import CLASSES, context

BASES = np.array([[0.2, 0.2, 0.6], [0.2, 0.6, 0.2], [0.6, 0.2, 0.2]])


class MeanColorNetwork(nn.Module):
    """Logits are minus squared distances, times 40, to the classes' mean colors; features are the image's color."""

    means: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("means", torch.zeros(classes, 3))

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        color = images.mean(dim=(2, 3))
        logits = -40 * torch.cdist(color, self.means).square()
        return Output(logits, logits, color)


def color_dataset(per_class: int, seed: int, *, noise: float = 0.15) -> Dataset:
    """Images of 2 x 2 pixels: the color of the class with normal noise of this deviation."""
    rng = np.random.default_rng(seed)
    samples = []
    for label in range(3):
        for i in range(per_class):
            color = np.clip(BASES[label] + rng.normal(0, noise, 3), 0, 1)
            image = np.broadcast_to((255 * color).astype(np.uint8)[:, None, None], (3, 2, 2)).copy()
            samples.append(Sample(f"{label}/{seed}-{i}", image, label))
    return Dataset(tuple(samples), CLASSES)


def fit_mean_colors(recipe: Recipe, data: Dataset, seed: int) -> Classifier:
    """The classifier of the mean color of each class; stands for training."""
    network = MeanColorNetwork(len(data.classes))
    pixels = torch.from_numpy(np.stack([np.asarray(s.image) for s in data.samples])).float() / 255
    labels = torch.from_numpy(data.labels)
    network.means.copy_(torch.stack([pixels[labels == c].mean(dim=(0, 2, 3)) for c in range(len(data.classes))]))
    labels_of = LabelEmbedding(torch.eye(len(data.classes)))
    return Classifier(context().recipe, data.classes, labels_of, network.eval(), (2, 2), data.counts)

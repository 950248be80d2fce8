"""A segmentation classifier whose pixel probabilities are the image's color channels, so that tests know them."""

import numpy as np
import torch
from torch import Tensor, nn

from handful.core.tensors import Backbone, LabelEmbedding, Output
from handful.models.classifier import Classifier
from handful.models.network import Network
from tests.support import datasets


class ColorHead(nn.Module):
    """Probability of class k: the color channel 2 - k, as in `datasets.squares`; of background: what is left of 1."""

    def forward(self, maps: Tensor, *, size: tuple[int, int], compare: object) -> Output:
        foreground = maps.flip(1)
        background = (1 - foreground.sum(dim=1, keepdim=True)).clamp_min(1e-6)
        pixels = torch.cat([background, foreground.clamp_min(1e-6)], dim=1).log()
        pooled = foreground.mean(dim=(2, 3))
        return Output(embedding=pooled, logits=pooled, features=pooled, pixels=pixels)


def color_segmenter(classes: tuple[str, ...] = datasets.CLASSES, *, size: tuple[int, int] = (12, 12)) -> Classifier:
    """The classifier, for images of this size."""
    labels = LabelEmbedding(torch.eye(3))
    backbone = Backbone(nn.Identity(), 3, 1, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return Classifier(
        datasets.recipe(),
        classes,
        labels,
        Network(backbone, ColorHead(), labels),
        size,
        np.ones(len(classes), dtype=np.int64),
    )

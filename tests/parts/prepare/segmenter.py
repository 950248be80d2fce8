"""A classifier whose pixel probabilities are the image's colours, so that tests can write them down."""

import numpy as np
import torch
from torch import Tensor, nn

from handful.core.tensors import Backbone, LabelEmbedding, Output
from handful.models.classifier import Classifier
from handful.models.network import Network
from tests.support import datasets


class ColourHead(nn.Module):
    """Probability of class k: the colour channel 2 - k, as in `tiny.squares`; of background: what is left of 1."""

    def forward(self, maps: Tensor, *, size: tuple[int, int], compare: object) -> Output:
        front = maps.flip(1)
        back = (1 - front.sum(dim=1, keepdim=True)).clamp_min(1e-6)
        pixels = torch.cat([back, front.clamp_min(1e-6)], dim=1).log()
        pooled = front.mean(dim=(2, 3))
        return Output(embedding=pooled, logits=pooled, features=pooled, pixels=pixels)


def reads_colours(classes: tuple[str, ...] = datasets.CLASSES, *, size: tuple[int, int] = (12, 12)) -> Classifier:
    labels = LabelEmbedding(torch.eye(3))
    backbone = Backbone(nn.Identity(), 3, 1, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return Classifier(
        datasets.recipe(),
        classes,
        labels,
        Network(backbone, ColourHead(), labels),
        size,
        np.ones(len(classes), dtype=np.int64),
    )

"""The image side of a model that knows images and texts, e.g. CLIP (https://arxiv.org/abs/2103.00020).

Its vectors lie where the vectors of labels/word_embeddings with source "image_text" lie, so that head "similarity"
scores classes by their names alone; any other head takes them as features.
"""

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.models.text.clip import check, load, vectors_of
from handful.parts.backbones._whole import one_cell, whole


class ImageText(nn.Module):
    """Images to their vectors; what only texts need is dropped."""

    def __init__(self, network: Any, side: int) -> None:
        super().__init__()
        for part in ("text_model", "text_projection"):
            if hasattr(network, part):
                setattr(network, part, nn.Identity())
        self.network = network
        self.side = side

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c 1 1"]:
        """One cell; images of another size than the model's are stretched to it."""
        if tuple(x.shape[-2:]) != (self.side, self.side):
            x = F.interpolate(x, (self.side, self.side), mode="bicubic", antialias=True)
        return one_cell(vectors_of(self.network.get_image_features(pixel_values=x)))


def build(_context: Context, *, model: str, pretrained: bool = True) -> Backbone:
    """A model of the transformers library.

    Args:
        model: hub name ("openai/clip-vit-base-patch32") or folder.
        pretrained: load its weights; else only its form, which is how a saved classifier is read.

    Raises:
        WeightsError: it cannot be had, or knows no images and texts.
    """
    if pretrained:
        network = load("AutoModel", model)
    else:
        from transformers import AutoModel

        network = AutoModel.from_config(load("AutoConfig", model))
    check(network, model)
    images = load("AutoImageProcessor", model)
    with torch.no_grad():
        side = int(network.config.vision_config.image_size)
        channels = vectors_of(network.eval().get_image_features(pixel_values=torch.zeros(1, 3, side, side))).shape[1]
    mean, std = tuple(map(float, images.image_mean)), tuple(map(float, images.image_std))
    assert len(mean) == 3
    assert len(std) == 3
    found = whole(ImageText(network.train(), side), channels)
    return replace(found, mean=mean, std=std)

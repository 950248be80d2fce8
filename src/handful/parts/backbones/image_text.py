"""Image encoder of an image-text model such as CLIP (Radford et al. 2021, https://arxiv.org/abs/2103.00020).

Its embeddings share a space with those of labels/word_embeddings with source "image_text", so that head "similarity"
classifies by the class names alone (zero-shot). Any other head uses them as features.
"""

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.models.text.clip import check_image_text, load_pretrained, projected_features
from handful.parts.backbones._vector import to_maps, vector_backbone

image_text = True
signed = True


class ImageText(nn.Module):
    """Images to their embeddings; the text encoder is dropped."""

    def __init__(self, network: Any, side: int) -> None:
        super().__init__()
        for name in ("text_model", "text_projection"):
            if hasattr(network, name):
                setattr(network, name, nn.Identity())
        self.network = network
        self.side = side

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c 1 1"]:
        """Maps of one cell; images are resized to the model's input size."""
        if tuple(x.shape[-2:]) != (self.side, self.side):
            x = F.interpolate(x, (self.side, self.side), mode="bicubic", antialias=True)
        return to_maps(projected_features(self.network.get_image_features(pixel_values=x)))


def build(_context: Context, *, model: str, pretrained: bool = True) -> Backbone:
    """The image encoder of a model of the transformers library.

    Args:
        model: hub name ("openai/clip-vit-base-patch32") or folder.
        pretrained: load the weights; else only the architecture, for the weights of a saved classifier.

    Raises:
        WeightsError: the model cannot be loaded, or is not an image-text model.
    """
    if pretrained:
        network = load_pretrained("AutoModel", model)
    else:
        from transformers import AutoModel

        network = AutoModel.from_config(load_pretrained("AutoConfig", model))
    check_image_text(network, model)
    processor = load_pretrained("AutoImageProcessor", model)
    with torch.no_grad():
        side = int(network.config.vision_config.image_size)
        channels = projected_features(
            network.eval().get_image_features(pixel_values=torch.zeros(1, 3, side, side))
        ).shape[1]
    mean, std = tuple(map(float, processor.image_mean)), tuple(map(float, processor.image_std))
    assert len(mean) == 3
    assert len(std) == 3
    return replace(vector_backbone(ImageText(network.train(), side), channels), mean=mean, std=std)

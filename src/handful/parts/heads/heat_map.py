"""Classification that explains itself: the maximum over space, then a linear layer, which also scores each cell.

Chatterjee et al. 2024 (GP-UNet and others, https://github.com/soumickmj/GPModels): in training the maps are pooled by
their global maximum and a 1 x 1 convolution scores the classes; in prediction the same convolution applied to the maps
is the heat map of each class. So the pixels that speak for a class are seen without any mask. The papers' networks
decode to image size; here the maps have the backbone's stride, and heat maps are enlarged bilinearly.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone, Output
from handful.models.norm import NormName, choose_norm, norm_layer
from handful.parts.heads._pooling import Compare, check_maps

class_weights = True
segments = True
multilabel = True


class HeatMap(nn.Module):
    """Feature maps to class scores, and to a score of every class for every pixel; the background's is 0.

    `heat` says that pixel scores are evidence for a class: only their differences within an image say where it is.
    """

    heat = True

    def __init__(self, channels: int, size: int, *, norm: NormName, dropout: float) -> None:
        super().__init__()
        self.norm = None if norm == "none" else norm_layer(norm, channels)
        self.linear = nn.Linear(channels, size)
        self.dropout = dropout

    def forward(self, maps: Float[Tensor, "n c h w"], *, size: tuple[int, int], compare: Compare) -> Output:
        """Class logits of the pooled maximum, and the heat maps."""
        if self.norm is not None:
            maps = F.relu(self.norm(maps))
        with torch.autocast(maps.device.type, enabled=False):
            maps = maps.float()
            features = maps.amax(dim=(2, 3))
            embedding = self.linear(F.dropout(features, self.dropout, self.training))
            heat = torch.einsum("dc,nchw->ndhw", self.linear.weight, maps) + self.linear.bias[:, None, None]
            scores = F.interpolate(compare(heat), size, mode="bilinear", align_corners=False)
            pixels = torch.cat([torch.zeros_like(scores[:, :1]), scores], dim=1)
            return Output(embedding, compare(embedding), features, pixels)


def build(context: Context, *, backbone: Backbone, norm: NormName = "batch", dropout: float = 0.0) -> nn.Module:
    """Build the heat map head.

    Args:
        context: gives the embedding's size, and the number of images for norm "auto".
        backbone: what the maps come from.
        norm: norm before ReLU: "batch", "group", or "auto" by the number of images; "none" leaves both out.
        dropout: dropout rate before the linear layer, in training.

    Raises:
        RecipeError: the backbone's maps reach beyond the image, or there are none.
    """
    check_maps(backbone)
    norm = "none" if norm == "none" else choose_norm(norm, context.task)
    return HeatMap(backbone.channels, context.labels.size, norm=norm, dropout=dropout)

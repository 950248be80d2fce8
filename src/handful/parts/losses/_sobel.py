"""Sobel's gradient of images, shared by losses."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def sobel(images: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 2 h w"]:
    """Differences per pixel, across and down; at the border, pixels repeat."""
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]], device=images.device) / 8
    return F.conv2d(padded, torch.stack([across, across.T])[:, None])

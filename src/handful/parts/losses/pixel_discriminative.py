"""Discriminative pixel embedding: cells of one object lie together, those of different objects apart.

De Brabandere et al. 2017 (https://arxiv.org/abs/1708.02551), as in U3HS (Gasperini et al. 2023,
https://arxiv.org/abs/2209.05407): every cell of the backbone's maps has an embedding of 8 numbers, by a 1 x 1
convolution of the loss; it is pulled to within 0.5 of its object's mean, the means of an image's objects are pushed
2 x 1.5 apart, and drawn to the origin with a factor of 0.001. Objects are the connected pieces of the mask; the image's
background is one more, ours, as images mostly show a single object. `posthoc/unknown_regions` keeps the convolution and
tells unknown objects apart by it; nothing else reads it.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import IGNORE, Batch, Output
from handful.data.masks.regions import connected_pieces

reads_masks = True
needs_maps = True
trains_no_classifier = True
CENTER = 1e-3  # factor of the means' length


class PixelDiscriminative(nn.Module):
    """Pull, push and length of each image with labelled pixels; 0 for others."""

    def __init__(self, channels: int, size: int, pull: float, push: float) -> None:
        super().__init__()
        self.pixel_embedding = nn.Conv2d(channels, size, 1)
        self.pull, self.push = pull, push

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Squared distances in the embedding."""
        assert output.maps is not None, "the trait `needs_maps` keeps them"
        with torch.autocast(output.maps.device.type, enabled=False):
            embedding = self.pixel_embedding(output.maps.float())
            objects = cell_objects(batch.pixel_labels, (embedding.shape[2], embedding.shape[3]))
            values = [self._of_image(e.flatten(1), o.flatten()) for e, o in zip(embedding, objects, strict=True)]
            return torch.stack(values)

    def _of_image(self, embedding: Float[Tensor, "e s"], objects: Int[Tensor, " s"]) -> Float[Tensor, ""]:
        numbers: Tensor = torch.unique(objects[objects != IGNORE])
        if len(numbers) == 0:
            return embedding.sum() * 0
        own = [embedding[:, objects == number] for number in numbers]
        means = torch.stack([cells.mean(dim=1) for cells in own])
        lengths = [
            (cells - mean[:, None]).square().sum(dim=0).clamp_min(1e-12).sqrt()
            for cells, mean in zip(own, means, strict=True)
        ]
        pulled = torch.stack([(length - self.pull).clamp_min(0).square().mean() for length in lengths]).mean()
        value = pulled + CENTER * means.square().sum(dim=1).clamp_min(1e-12).sqrt().mean()
        if len(means) > 1:
            first, second = torch.triu_indices(len(means), len(means), 1)
            apart = (means[first] - means[second]).square().sum(dim=1).clamp_min(1e-12).sqrt()
            value = value + (2 * self.push - apart).clamp_min(0).square().mean()
        return value


def cell_objects(pixel_labels: Int[Tensor, "n h w"], cells: tuple[int, int]) -> Int[Tensor, "n h2 w2"]:
    """The object of each cell by the pixel at its center: 0 background, 1 and up connected pieces, -1 not labelled."""
    at = [
        torch.arange(c, device=pixel_labels.device) * side // c + side // (2 * c)
        for c, side in zip(cells, pixel_labels.shape[1:], strict=True)
    ]
    labels = pixel_labels[:, at[0]][:, :, at[1]]
    pieces = torch.from_numpy(np.stack([connected_pieces(one) for one in labels.cpu().numpy()])).to(labels.device)
    return torch.where(labels == IGNORE, IGNORE, pieces)


def build(context: Context, *, size: int = 8, pull: float = 0.5, push: float = 1.5) -> PixelDiscriminative:
    """Discriminative pixel embedding.

    Args:
        context: gives the channels of the maps.
        size: numbers of the embedding.
        pull: distance from its object's mean within which a cell costs nothing.
        push: half the distance from which on two means cost nothing.

    Raises:
        ValueError: a number is out of range.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(f"size must be a whole number from 1 up, not {size!r}")
    for name, value in (("pull", pull), ("push", push)):
        if not value > 0:
            raise ValueError(f"{name} must be above 0, not {value!r}")
    assert context.maps is not None, "the network is built before its losses"
    return PixelDiscriminative(context.maps()[0], size, pull, push)

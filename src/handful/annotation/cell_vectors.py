"""Vectors of the cells of images for matching at once: those of the frozen network, reduced to a few dimensions.

They are computed while somebody draws. A match of hundreds of images is then a product of small matrices for each.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.core.dataset import Image
from handful.models.frozen_maps import FrozenMaps, ImageMaps
from handful.parts.prepare._matching import COARSE, Attention

DIMENSIONS = 64
FIRST = 32  # images on whose cells the dimensions are chosen
CELLS = 1024  # drawn from each of them for it


class CellVectors:
    """The cells' vectors of images by id, as `Attention` compares them, projected to their principal axes.

    Args:
        maps: of the frozen network.
    """

    def __init__(self, maps: FrozenMaps) -> None:
        self.maps = maps
        self._axes: Float[Tensor, "d c"] | None = None
        self._vectors: dict[str, ImageMaps] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._vectors

    def add(self, name: str, image: Image) -> None:
        """Compute an image's vectors."""
        maps = self.maps(image, COARSE)
        vectors = maps.joined(COARSE, normalize=True, center=True)
        self._vectors[name] = replace(maps, levels={COARSE[0]: self._projected(vectors)})
        if self._axes is None and len(self._vectors) == FIRST:
            self.choose_axes()

    def choose_axes(self) -> None:
        """Choose the axes by the images so far, unless there are enough of them already."""
        if self._axes is not None or not self._vectors:
            return
        rows = [maps.levels[COARSE[0]].flatten(1).T.float() for maps in self._vectors.values()]
        some = torch.cat([each[:: max(1, len(each) // CELLS)] for each in rows])
        self._axes = torch.linalg.eigh(some.T @ some).eigenvectors[:, -DIMENSIONS:].T.contiguous()
        for name, maps in self._vectors.items():
            self._vectors[name] = replace(maps, levels={COARSE[0]: self._projected(maps.levels[COARSE[0]].float())})

    def _projected(self, vectors: Float[Tensor, "c h w"]) -> Float[Tensor, "d h w"]:
        if self._axes is None:
            return vectors.half()
        return F.normalize(torch.einsum("dc,chw->dhw", self._axes, vectors), dim=0).half()

    def __getitem__(self, name: str) -> ImageMaps:
        """The vectors of an image, as maps of one level."""
        return self._vectors[name]


class QuickAttention(Attention):
    """`Attention` between projected vectors."""

    def _vectors(self, maps: ImageMaps) -> Float[Tensor, "d h w"]:
        return maps.levels[COARSE[0]].float()

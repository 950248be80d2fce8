"""Vectors of the cells of images for matching at once: those of the frozen network, reduced to a few dimensions.

They are computed while somebody draws. A match of hundreds of images is then a product of small matrices for each.
"""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
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
        self._ahead: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._vectors

    def add(self, name: str, image: Image, *, ahead: bool = False) -> None:
        """Compute an image's vectors.

        Args:
            name: the image's id.
            image: its pixels.
            ahead: out of turn; it is added again in its turn, so that the axes do not depend on what was asked first.
        """
        maps = self.maps(image, COARSE)
        vectors = maps.joined(COARSE, normalize=True, center=True)
        self._vectors.pop(name, None)
        self._vectors[name] = replace(maps, levels={COARSE[0]: self._projected(vectors)})
        (self._ahead.add if ahead else self._ahead.discard)(name)
        if self._axes is None and len(self._vectors) - len(self._ahead) == FIRST:
            self.choose_axes()

    def choose_axes(self) -> None:
        """Choose the axes by the images so far, unless there are enough of them already."""
        in_turn = [maps for name, maps in self._vectors.items() if name not in self._ahead]
        if self._axes is not None or not in_turn:
            return
        rows = [maps.levels[COARSE[0]].flatten(1).T.float() for maps in in_turn]
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
    """`Attention` between projected vectors, to few keys."""

    def _most_alike(self, cosines: Float[Tensor, "n m"]) -> tuple[Float[Tensor, "n top"], Int[Tensor, "n top"]]:
        """The largest cosines, in no order: for 512 keys in half of the time that `topk` takes."""
        index = torch.from_numpy(np.argpartition(cosines.numpy(), -self._top, axis=1)[:, -self._top :])
        return cosines.gather(1, index), index

    def _vectors(self, maps: ImageMaps) -> Float[Tensor, "d h w"]:
        return maps.levels[COARSE[0]].float()

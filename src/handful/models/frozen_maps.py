"""Maps of the frozen EfficientNet-Lite0 at five strides: features of each cell of an image, without training."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import timm
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.core.dataset import Image
from handful.models.efficientnet_lite import load_installed

STRIDES = (2, 4, 8, 16, 32)
STAGE_ENDS = (1, 2, 3, 5, 7)  # of the five stages among the seven groups of blocks
MEAN = STD = 127.5
SIDE, LARGEST = 256, 768  # the defaults


@dataclass(frozen=True, eq=False)
class ImageMaps:
    """The maps of one image.

    Attributes:
        size: height and width of the image that the network was given.
        levels: the maps [c h w] by stride; 16-bit numbers.
    """

    size: tuple[int, int]
    levels: dict[int, Float[Tensor, "..."]]

    def cells(self, stride: int) -> tuple[int, int]:
        """Rows and columns of the maps at a stride."""
        h, w = self.levels[stride].shape[1:]
        return int(h), int(w)

    def joined(self, strides: tuple[int, ...], *, normalize: bool, center: bool = False) -> Float[Tensor, "c h w"]:
        """The maps of several strides, enlarged to the size of the first.

        Args:
            strides: the finest first.
            normalize: each level's vectors, and then the joined ones, have length 1.
            center: the image's mean is subtracted at each level first, so that cells are compared by how they differ
                from the rest of their image.
        """
        size = self.cells(strides[0])
        maps = [enlarge(self.levels[s].float(), size) for s in strides]
        if not normalize:
            return torch.cat(maps)
        if center:
            maps = [m - m.mean(dim=(1, 2), keepdim=True) for m in maps]
        return F.normalize(torch.cat([F.normalize(m, dim=0) for m in maps]), dim=0)


def enlarge(maps: Float[Tensor, "c h w"], size: tuple[int, int]) -> Float[Tensor, "c h2 w2"]:
    """Bilinear interpolation."""
    return F.interpolate(maps[None], size, mode="bilinear", align_corners=False)[0]


class FrozenMaps:
    """Computes the maps of images, one at a time, on the CPU.

    Args:
        side: images whose shorter side is less are enlarged to it.
        largest: images whose longer side is more are reduced to it.

    Raises:
        WeightsError: the package with the weights is not installed.
    """

    def __init__(self, *, side: int = SIDE, largest: int = LARGEST) -> None:
        self.side, self.largest = side, largest
        network: Any = timm.create_model("tf_efficientnet_lite0", num_classes=0)
        load_installed(network, 0)
        self._network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def working_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The height and width at which an image is given to the network: multiples of its largest stride."""
        shorter, longer = min(size), max(size)
        factor = self.side / shorter if shorter < self.side else 1.0
        factor = min(factor, self.largest / longer)
        h, w = (max(1, round(length * factor / STRIDES[-1])) * STRIDES[-1] for length in size)
        return h, w

    def __call__(self, image: Image, strides: tuple[int, ...] = STRIDES) -> ImageMaps:
        """The maps at these strides."""
        h, w = self.working_size((image.shape[1], image.shape[2]))
        rows = np.ascontiguousarray(image.transpose(1, 2, 0))
        if rows.shape[:2] != (h, w):
            reduced = h * w < rows.shape[0] * rows.shape[1]
            rows = cv2.resize(rows, (w, h), interpolation=cv2.INTER_AREA if reduced else cv2.INTER_LINEAR)
        x = torch.from_numpy(rows).permute(2, 0, 1)[None].float().sub_(MEAN).div_(STD)
        levels: dict[int, Tensor] = {}
        with torch.inference_mode():
            x, start = self._network.bn1(self._network.conv_stem(x)), 0
            for stride, stop in zip(STRIDES, STAGE_ENDS, strict=True):
                x = self._network.blocks[start:stop](x)
                start = stop
                if stride in strides:
                    levels[stride] = x[0].half().contiguous()
                if stride >= max(strides):
                    break
        return ImageMaps((h, w), levels)

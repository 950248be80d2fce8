"""Histograms of oriented gradients, for drawings, digits, characters and other shapes; nothing is trained.

Dalal and Triggs 2005 (https://doi.org/10.1109/CVPR.2005.177): gradients of the gray image vote for an orientation and a
cell, bilinearly in space, and the votes of a cell are normalized. Three things differ, so that the features are plain
tensor operations that export to ONNX. A gradient (x, y) of length m votes for the direction u with
m max(0, cos(angle between them))^4 instead of linearly for the two nearest bins; directions cover the full circle,
since a stroke's two sides differ. Each cell is divided by the square root of its length, not normalized in overlapping
blocks. The image is gray, whereas they take the color channel with the largest gradient.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.color import LUMA
from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.backbones._vector import to_maps, vector_backbone

SHARPNESS = 4  # power of the cosine: half the vote is lost at 33 degrees, near the width of one of nine bins
TINY = 0.05  # added to lengths: gradients of noise make no orientation


class OrientedGradients(nn.Module):
    """Votes of `orientations` directions in cells of `cell` pixels, as one vector per image.

    Images of another size than `size` are resized first.
    """

    def __init__(self, size: tuple[int, int], cell: int, orientations: int) -> None:
        super().__init__()
        self.size, self.cell = size, cell
        angles = torch.arange(orientations) * (2 * math.pi / orientations)
        half = torch.tensor([-0.5, 0.0, 0.5])
        x, y = torch.zeros(3, 3), torch.zeros(3, 3)
        x[1], y[:, 1] = half, half
        directions = angles.cos()[:, None, None] * x + angles.sin()[:, None, None] * y
        ramp = 1 - (torch.arange(2 * cell) + 0.5 - cell).abs() / cell  # votes fall off linearly to the next cell
        self.register_buffer("gray", torch.tensor(LUMA)[None, :, None, None], persistent=False)
        self.register_buffer("directions", directions[:, None], persistent=False)
        weights = (ramp[:, None] * ramp / cell**2).expand(orientations, 1, -1, -1).clone()
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c 1 1"]:
        """The votes of all cells, orientation by orientation, then rows from the top."""
        if x.shape[2:] != self.size:
            x = F.interpolate(x, self.size, mode="bilinear", antialias=True)
        gray = F.pad((x * self._tensor("gray")).sum(dim=1, keepdim=True), (1, 1, 1, 1), mode="replicate")
        along = F.conv2d(gray, self._tensor("directions"))  # the gradient's component in each direction
        squared = along.square().mean(dim=1, keepdim=True) * 2  # directions over a full circle: their mean is m^2 / 2
        length = (squared + TINY**2).sqrt()
        votes = along.clamp(min=0) ** SHARPNESS / length ** (SHARPNESS - 1)
        margin = self.cell // 2
        padded = F.pad(votes, (margin, self.cell - margin, margin, self.cell - margin))
        cells = F.conv2d(padded, self._tensor("weights"), stride=self.cell, groups=votes.shape[1])
        cells = cells / (cells.square().sum(dim=1, keepdim=True) + TINY**4).sqrt().sqrt()
        return to_maps(cells.flatten(1))

    def _tensor(self, name: str) -> Tensor:
        value = getattr(self, name)
        assert isinstance(value, Tensor)
        return value


def build(_context: Context, *, size: int | tuple[int, int] = 32, cell: int = 4, orientations: int = 9) -> Backbone:
    """A backbone without parameters, of orientations * (height / cell) * (width / cell) features.

    Args:
        size: height and width that images are resized to, a multiple of `cell`; one number: both.
        cell: side of a cell in pixels, 2 or more.
        orientations: directions over the full circle, 3 or more.

    Raises:
        ValueError: an option out of range, or a size that is not a multiple of the cell.
    """
    h, w = (size, size) if isinstance(size, int) else size
    if cell < 2 or orientations < 3:
        raise ValueError(f"cell must be 2 or more and orientations 3 or more, not {cell} and {orientations}")
    if min(h, w) < cell or h % cell or w % cell:
        raise ValueError(f"size must be a multiple of cell ({cell}), not {(h, w)}")
    return vector_backbone(OrientedGradients((h, w), cell, orientations), orientations * (h // cell) * (w // cell))

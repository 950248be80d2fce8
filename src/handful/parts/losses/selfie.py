"""Selfie: which patch of an image belongs in a place that is hidden, as a task without labels.

Trinh, Luong and Le 2019, https://arxiv.org/abs/1906.02940, after its text (no code is public). The image is cut into a
square grid of patches, each of which the backbone turns into a vector by itself. A small transformer over the patches
that are shown, with a learned token, gives a vector for the image; that, plus the embedding of a hidden place, is
compared by dot product with the patches that were hidden in the same image. An image's value is the cross-entropy over
these, the mean over the hidden places, which are drawn anew in each batch.

The patches pass the backbone beside the whole images, whose pass fits the statistics of its batch norms to what a
classifier will see; so a step takes twice the time. Transformer and embeddings are used in training only. The paper's
patch network is the first three stages of a ResNet-50; dot products here are divided by the root of their length.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output

soft_targets = True
candidates = True
mixes_images = True  # by the batch norms of the patches' pass
reads_images = True
runs_backbone = True
trains_no_classifier = True
uses_unlabelled = True
FeatureMaps = Callable[[Float[Tensor, "m 3 h w"]], Float[Tensor, "m c h2 w2"]]


class Selfie(nn.Module):
    """Cross-entropy of the hidden places of each image."""

    def __init__(self, feature_maps: FeatureMaps, channels: int, *, grid: int, hidden: int, width: int) -> None:
        super().__init__()
        self.feature_maps, self.grid, self.hidden = feature_maps, grid, hidden
        self.projection = nn.Linear(channels, width)
        self.token = nn.Parameter(torch.zeros(width))
        self.places = nn.Parameter(torch.randn(grid**2, width) / width**0.5)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.transformer = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:  # noqa: ARG002
        """The loss in nats."""
        n = len(batch.images)
        maps = self.feature_maps(patches_of(batch.images, self.grid).flatten(0, 1))
        pooled = maps.float().mean(dim=(2, 3)).to(self.projection.weight)
        patches = self.projection(pooled).view(n, self.grid**2, -1)
        order = torch.rand((n, self.grid**2), device=patches.device).argsort(dim=1)
        rows = torch.arange(n, device=patches.device)[:, None]
        hidden, shown = order[:, : self.hidden], order[:, self.hidden :]
        seen = patches[rows, shown] + self.places[shown]
        image = self.transformer(torch.cat([self.token.expand(n, 1, -1), seen], dim=1))[:, 0]
        queries = image[:, None] + self.places[hidden]
        scores = queries @ patches[rows, hidden].transpose(1, 2) / patches.shape[2] ** 0.5
        truth = torch.arange(self.hidden, device=scores.device).expand(n, -1)
        return F.cross_entropy(scores.transpose(1, 2), truth, reduction="none").mean(dim=1)


def patches_of(images: Float[Tensor, "n 3 h w"], grid: int) -> Float[Tensor, "n p 3 h2 w2"]:
    """The patches of each image, row by row; pixels beyond a multiple of the grid are left out."""
    n, c, h, w = images.shape
    side, length = h // grid, w // grid
    cells = images[:, :, : grid * side, : grid * length].reshape(n, c, grid, side, grid, length)
    return cells.permute(0, 2, 4, 1, 3, 5).reshape(n, grid**2, c, side, length)


def build(context: Context, *, grid: int = 4, share: float = 0.25, width: int = 128) -> Selfie:
    """Prediction of the patches that belong in hidden places.

    Args:
        context: gives the backbone, and the channels of its feature maps.
        grid: patches in a row, and in a column, 2 or more.
        share: of the patches that is hidden in each image, above 0 and below 1; 2 patches at least, and one is shown.
        width: of the transformer, a multiple of 4.

    Raises:
        ValueError: an option is out of range.
    """
    if isinstance(grid, bool) or not isinstance(grid, int) or not 2 <= grid <= 16:
        raise ValueError(f"grid must be a whole number from 2 to 16, not {grid!r}")
    if not 0 < share < 1:
        raise ValueError(f"share must be above 0 and below 1, not {share!r}")
    if isinstance(width, bool) or not isinstance(width, int) or width < 4 or width % 4:
        raise ValueError(f"width must be a multiple of 4, not {width!r}")
    assert context.maps is not None, "losses are built after the network"
    assert context.feature_maps is not None, "losses are built after the network"
    hidden = min(max(2, round(share * grid**2)), grid**2 - 1)
    return Selfie(context.feature_maps, context.maps()[0], grid=grid, hidden=hidden, width=width)

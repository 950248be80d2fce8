"""The pixels themselves: no features at all, for controls such as logistic regression on raw images."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.errors import RecipeError
from handful.parts.backbones._whole import one_cell, whole


class Pixels(nn.Module):
    """Images as vectors, red plane first, then rows from the top."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c 1 1"]:
        """One cell with all values; images of another size are averaged down or repeated up to it."""
        return one_cell(F.adaptive_avg_pool2d(x, self.size).flatten(1))


def build(context: Context, *, size: int | tuple[int, int] | None = None) -> Backbone:
    """`size`: height and width of the grid (one number: both); None: the recipe's image size. It learns nothing.

    Raises:
        RecipeError: neither the option nor the recipe names a size.
        ValueError: a size below 1.
    """
    chosen = context.recipe.image_size if size is None else (size, size) if isinstance(size, int) else size
    if chosen is None:
        raise RecipeError(
            "the number of pixels is not known beforehand",
            where="backbones/pixels",
            remedy="set image_size = [h, w] in the recipe, or size in the backbone.",
        )
    h, w = chosen
    if min(h, w) < 1:
        raise ValueError(f"size must be 1 or more, not {chosen}")
    return whole(Pixels((h, w)), 3 * h * w)

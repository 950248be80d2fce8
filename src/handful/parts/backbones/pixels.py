"""Raw pixels as features, for controls such as logistic regression on images."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.errors import RecipeError
from handful.parts.backbones._vector import to_maps, vector_backbone


class Pixels(nn.Module):
    """Images as vectors, red plane first, then rows from the top."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c 1 1"]:
        """One cell with all values; images of another size are resized by adaptive average pooling."""
        return to_maps(F.adaptive_avg_pool2d(x, self.size).flatten(1))


def build(context: Context, *, size: int | tuple[int, int] | None = None) -> Backbone:
    """A backbone without parameters.

    Args:
        context: the recipe's image size.
        size: height and width that images are resized to, 1 or more; one number: both. None: the recipe's image size.

    Raises:
        RecipeError: neither the option nor the recipe has a size.
        ValueError: the size is below 1.
    """
    grid = context.recipe.image_size if size is None else (size, size) if isinstance(size, int) else size
    if grid is None:
        raise RecipeError(
            "the number of pixels is not known in advance",
            where="backbones/pixels",
            remedy="set image_size = [h, w] in the recipe, or size in the backbone.",
        )
    h, w = grid
    if min(h, w) < 1:
        raise ValueError(f"size must be 1 or more, not {grid}")
    return vector_backbone(Pixels((h, w)), 3 * h * w)

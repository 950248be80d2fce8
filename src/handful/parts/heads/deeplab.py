"""DeepLabV3 head: parallel dilated convolutions (ASPP), Chen et al. 2017, https://arxiv.org/abs/1706.05587.

The head is torchvision's. Its maps are enlarged to image size and scored as the CvS head's are (CvS, equation 1).
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.segmentation.deeplabv3 import DeepLabHead

from handful.core.context import Context
from handful.core.tensors import Backbone, Output
from handful.parts.heads._pooling import Compare, Pool, check_maps, check_pool, pooled_output

segments = True
multilabel = True


class DeepLab(nn.Module):
    """Feature maps to d + 1 maps at image size, background first. In training it needs two images at once."""

    def __init__(self, channels: int, size: int, *, pool: Pool, rates: tuple[int, ...], several: bool = False) -> None:
        super().__init__()
        *layers, last = DeepLabHead(channels, size + 1, rates)
        self.body, self.last = nn.Sequential(*layers), last
        self.pool: Pool = pool
        self.several = several

    def forward(self, maps: Float[Tensor, "n c h w"], *, size: tuple[int, int], compare: Compare) -> Output:
        """Pixel scores and, from their spatial mean, the class."""
        x = self.body(maps)
        scores = F.interpolate(self.last(x), size, mode="bilinear", align_corners=False)
        return pooled_output(scores, x.mean(dim=(2, 3)), compare, self.pool, several=self.several)


def build(
    context: Context, *, backbone: Backbone, pool: Pool = "logits", rates: tuple[int, int, int] = (12, 24, 36)
) -> nn.Module:
    """Build the DeepLabV3 head.

    Args:
        context: gives the embedding's size.
        backbone: what the maps come from.
        pool: class scores from pixel scores: "logits", "probability" or "foreground", see `heads._pooling`.
        rates: dilation rates of the three convolutions; the default is the paper's for 512 pixels at stride 8.

    Raises:
        ValueError: unknown pool, or rates that are not three positive numbers.
        RecipeError: the backbone's maps reach beyond the image.
    """
    check_pool(pool)
    check_maps(backbone)
    if len(rates) != 3 or min(rates) < 1:
        raise ValueError(f"rates must be three positive numbers, not {list(rates)}")
    several = context.task.kind == "multilabel"
    return DeepLab(backbone.channels, context.labels.size, pool=pool, rates=tuple(rates), several=several)

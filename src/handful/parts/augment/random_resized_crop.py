"""Random resized crop, drawn as in torchvision, as VIPF uses it (section 4.1; Szegedy et al. 2015).

`crop` has milder defaults, for small images.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._boxes import inner_boxes
from handful.parts.augment._part import Augment, bernoulli, check_number, check_range
from handful.parts.augment._warp import resample


def build(
    _context: Context,
    *,
    scale: Sequence[float] = (0.08, 1.0),
    ratio: Sequence[float] = (0.75, 4 / 3),
    probability: float = 1.0,
) -> Augment:
    """Crop each image and its pixel labels at whole pixels, and resize the crop to the image's size.

    Args:
        scale: smallest and largest share of the image's area, uniform between.
        ratio: smallest and largest width / height in pixels, log-uniform between. The first of ten crops
            drawn that fits is taken; if none fits, the largest center crop with an allowed ratio.
        probability: chance that an image is cropped.

    Raises:
        ValueError: an option is out of range.
    """
    min_area, max_area = check_range("scale", scale, 0.01, 1.0)
    min_ratio, max_ratio = check_range("ratio", ratio, 0.1, 10.0)
    check_number("probability", probability, 0.0, 1.0)

    def random_resized_crop(batch: Batch, generator: torch.Generator) -> Batch:
        images = batch.images
        n, _, h, w = images.shape
        boxes, fits = inner_boxes(n, h, w, generator, scale=(min_area, max_area), ratio=(min_ratio, max_ratio))
        center_h, center_w = min(h, max(1, round(w / min_ratio))), min(w, max(1, round(h * max_ratio)))
        top = torch.where(fits, boxes.top, (h - center_h) // 2)
        left = torch.where(fits, boxes.left, (w - center_w) // 2)
        height = torch.where(fits, boxes.bottom - boxes.top, center_h)
        width = torch.where(fits, boxes.right - boxes.left, center_w)
        applied = bernoulli(images, generator, probability).to(images)  # 0: the image is not cropped
        sx, sy = 1 + (width / w - 1) * applied, 1 + (height / h - 1) * applied
        x = ((2 * left + width) / w - 1) * applied
        y = ((2 * top + height) / h - 1) * applied
        zero = torch.zeros_like(x)
        rows = torch.stack((sx, zero, x, zero, sy, y), dim=1)
        return resample(batch, F.affine_grid(rows.view(n, 2, 3), [n, 1, h, w], align_corners=False), "border")

    return random_resized_crop

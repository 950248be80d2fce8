"""Random resized crop with torchvision's windows, as VIPF uses (section 4.1; Szegedy et al. 2015).

`crop` is the gentler one for small images; this one has the usual amounts and the usual way to draw.
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
    """Cut a window of whole pixels from each image and its pixel labels, and enlarge it to the image's size.

    Args:
        scale: smallest and largest share of the image's area, uniform between.
        ratio: smallest and largest width / height in pixels, log-uniform between. Of ten windows drawn the first
            that lies inside the image is taken; else the largest central one whose ratio is allowed.
        probability: chance that an image is cropped.

    Raises:
        ValueError: an amount out of range.
    """
    low, high = check_range("scale", scale, 0.01, 1.0)
    narrow, wide = check_range("ratio", ratio, 0.1, 10.0)
    check_number("probability", probability, 0.0, 1.0)

    def random_resized_crop(batch: Batch, generator: torch.Generator) -> Batch:
        images = batch.images
        n, _, h, w = images.shape
        boxes, found = inner_boxes(n, h, w, generator, scale=(low, high), ratio=(narrow, wide))
        middle_h, middle_w = min(h, max(1, round(w / narrow))), min(w, max(1, round(h * wide)))
        top = torch.where(found, boxes.top, (h - middle_h) // 2)
        left = torch.where(found, boxes.left, (w - middle_w) // 2)
        height = torch.where(found, boxes.bottom - boxes.top, middle_h)
        width = torch.where(found, boxes.right - boxes.left, middle_w)
        cut = bernoulli(images, generator, probability).to(images)  # 0 leaves an image as it is
        sx, sy = 1 + (width / w - 1) * cut, 1 + (height / h - 1) * cut
        x = ((2 * left + width) / w - 1) * cut
        y = ((2 * top + height) / h - 1) * cut
        zero = torch.zeros_like(x)
        rows = torch.stack((sx, zero, x, zero, sy, y), dim=1)
        return resample(batch, F.affine_grid(rows.view(n, 2, 3), [n, 1, h, w], align_corners=False), "border")

    return random_resized_crop

"""Random erasing: areas and ratios of the boxes."""

import torch

from handful.core.context import Context
from tests.parts.augment._support import box_sizes, erased
from tests.parts.augment.conftest import make_batch


def test_random_erasing_boxes(context: Context) -> None:
    batch = make_batch(400, 32, 48)
    _, where = erased(context, "random_erasing", batch, probability=1.0)
    sizes = box_sizes(where)
    areas = torch.tensor([h * w / (32 * 48) for h, w in sizes])
    assert areas.min() > 0.015
    assert 0.37 < areas.max() < 0.42
    ratios = torch.tensor([w / h for h, w in sizes])
    assert ratios.min() < 0.5
    assert ratios.max() > 2
    assert ratios.min() > 0.25
    assert where.any(dim=0).float().mean() > 0.98  # corners are seldom reached

"""Values of erased pixels: mean color, black or noise."""

import pytest
import torch

from handful.core.context import Context
from tests.parts.augment._support import erased
from tests.parts.augment.conftest import make_batch


@pytest.mark.parametrize("name", ["random_erasing", "cutout", "gridmask"])
def test_paints(context: Context, name: str) -> None:
    batch = make_batch(20, 16, 16)
    for paint in ("mean", "black", "noise"):
        result, where = erased(context, name, batch, probability=1.0, paint=paint)
        for i in range(20):
            seen = result.images[i, :, where[i]]
            if paint == "noise":
                assert seen.numel() < 30 or 0.15 < seen.std() < 0.45
            else:
                color = batch.images[i].mean(dim=(1, 2)) if paint == "mean" else torch.zeros(3)
                torch.testing.assert_close(seen, color[:, None].expand_as(seen))

"""GridMask: a lattice of the size and ratio asked for."""

import pytest
import torch

from handful.core.context import Context
from tests.parts.augment._support import erased
from tests.parts.augment.conftest import make_batch


def test_gridmask_is_a_lattice(context: Context) -> None:
    batch = make_batch(300, 40, 40)
    options = {"ratio": 0.5, "unit": (0.25, 0.25), "probability": 1.0, "paint": "black"}
    _, where = erased(context, "gridmask", batch, **options)
    for image in where:
        rows, columns = image.any(dim=1), image.any(dim=0)
        assert torch.equal(image, rows[:, None] & columns)
        assert torch.equal(rows[:30], rows[10:])  # cells of ten pixels, five of them erased
        assert rows.sum() == columns.sum() == 20
    assert len({tuple(image.flatten().tolist()) for image in where}) > 50
    _, where = erased(context, "gridmask", make_batch(300, 90, 70), probability=1.0)
    assert where.float().mean().item() == pytest.approx(0.16, abs=0.02)

"""Erasing parts: where, how much, with what, and that the labels of erased pixels are ignored."""

import pytest
import torch
from torch import Tensor

from handful.core.context import Context
from handful.core.recipe import Part
from handful.core.tensors import Batch
from handful.parts import registry
from tests.parts.augment.conftest import make_batch, seeded


def erased(context: Context, name: str, batch: Batch, **options: object) -> tuple[Batch, Tensor]:
    """The result, and where its images differ from the batch's."""
    result = registry.build("augment", Part(name, options), context)(batch, seeded(0))
    where = (result.images != batch.images).any(dim=1)
    assert torch.equal(result.pixel_labels, torch.where(where, -1, batch.pixel_labels))
    return result, where


def boxes(where: Tensor) -> list[tuple[int, int]]:
    """Height and width of each image's erased box."""
    found = []
    for image in where:
        rows, columns = image.any(dim=1), image.any(dim=0)
        assert image.sum() == rows.sum() * columns.sum()
        found.append((int(rows.sum()), int(columns.sum())))
    return found


def test_random_erasing_boxes(context: Context) -> None:
    batch = make_batch(400, 32, 48)
    _, where = erased(context, "random_erasing", batch, probability=1.0)
    sizes = boxes(where)
    areas = torch.tensor([h * w / (32 * 48) for h, w in sizes])
    assert areas.min() > 0.015
    assert 0.37 < areas.max() < 0.42
    ratios = torch.tensor([w / h for h, w in sizes])
    assert ratios.min() < 0.5
    assert ratios.max() > 2
    assert ratios.min() > 0.25
    assert where.any(dim=0).float().mean() > 0.98  # corners are seldom reached


def test_cutout_squares_are_clipped_at_the_edge(context: Context) -> None:
    batch = make_batch(400, 24, 32)
    _, where = erased(context, "cutout", batch, side=0.5, paint="black")
    sizes = boxes(where)
    assert (12, 12) in sizes
    assert max(max(size) for size in sizes) == 12
    assert min(h for h, _ in sizes) == 6
    heights = [min(24, y + 6) - max(0, y - 6) for y in range(24)]
    widths = [min(32, x + 6) - max(0, x - 6) for x in range(32)]
    expected = sum(heights) / 24 * sum(widths) / 32
    assert sum(h * w for h, w in sizes) / len(sizes) == pytest.approx(expected, rel=0.05)


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

"""Cutout: squares that are clipped at the edge."""

import pytest

from handful.core.context import Context
from tests.parts.augment._support import box_sizes, erased
from tests.parts.augment.conftest import make_batch


def test_cutout_squares_are_clipped_at_the_edge(context: Context) -> None:
    batch = make_batch(400, 24, 32)
    _, where = erased(context, "cutout", batch, side=0.5, paint="black")
    sizes = box_sizes(where)
    assert (12, 12) in sizes
    assert max(max(size) for size in sizes) == 12
    assert min(h for h, _ in sizes) == 6
    heights = [min(24, y + 6) - max(0, y - 6) for y in range(24)]
    widths = [min(32, x + 6) - max(0, x - 6) for x in range(32)]
    expected = sum(heights) / 24 * sum(widths) / 32
    assert sum(h * w for h, w in sizes) / len(sizes) == pytest.approx(expected, rel=0.05)

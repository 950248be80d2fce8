"""Elastic waves: bounded, smooth, and bicubic between the knots."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from handful.core.context import Context
from handful.core.recipe import Part
from handful.parts import registry
from handful.parts.augment._warp import Warp
from tests.parts.augment.conftest import make_batch, seeded


def test_elastic_moves_a_pixel_by_a_bounded_smooth_amount() -> None:
    images = make_batch(50, 40, 30).images
    still = Warp().grid(images, seeded(0))
    moved = (Warp(elastic=0.05).grid(images, seeded(0)) - still) / 2  # in shares of the side
    assert 0.04 < moved.abs().max() < 0.08  # bicubic overshoots its knots by less than a half
    assert moved[:, 0, 0].abs().max() <= 0.05 + 1e-6  # a corner is a knot
    assert moved.diff(dim=1).abs().max() < 0.05 * 2 * 3 / 40 * 2
    assert moved.std(dim=0).min() > 0.01  # every pixel moves


def test_displacements_are_bicubic_between_the_knots(context: Context) -> None:
    batch = make_batch(3, 12, 9)
    result = registry.build("augment", Part("elastic", {"alpha": 0.1, "grid": 5}), context)(batch, seeded(2))
    generator = seeded(2)
    for _ in range(6):  # the warp's other draws: which images, angle, slant, scale, right, down
        torch.rand(3, generator=generator)
    knots = (torch.rand(3, 2, 5, 5, generator=generator) * 2 - 1) * 0.1
    moved = F.interpolate(knots, size=(12, 9), mode="bicubic", align_corners=True)
    for i in range(3):
        for y in range(12):
            for x in range(9):
                across, down = x + moved[i, 0, y, x].item() * 9, y + moved[i, 1, y, x].item() * 12
                expected = bilinear(batch.images[i], down, across)
                torch.testing.assert_close(result.images[i, :, y, x], expected, atol=1e-4, rtol=0)


def bilinear(image: Tensor, y: float, x: float) -> Tensor:
    """The value at a point in pixels, black outside."""
    value = torch.zeros(3)
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < image.shape[1] and 0 <= column < image.shape[2]:
                value += image[:, row, column] * (1 - abs(y - row)) * (1 - abs(x - column))
    return value


def test_options_of_the_warp(context: Context) -> None:
    options = {"alpha": 0.1, "grid": 5}
    built = registry.build("augment", Part("elastic", options), context)
    assert built == Warp(elastic=0.1, elastic_grid=5)

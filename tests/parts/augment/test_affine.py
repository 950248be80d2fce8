"""Affine maps against torchvision, and a dot against the four matrices that move it."""

import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as V

from handful.core.context import Context
from handful.core.recipe import Part
from handful.parts import registry
from handful.parts.augment._warp import Warp
from tests.parts.augment._support import dot_centers, dots
from tests.parts.augment.conftest import make_batch, seeded


def test_as_torchvision_with_the_same_amounts(context: Context) -> None:
    batch, n = make_batch(6, 45, 37), 6
    options = {"degrees": 30.0, "translate": 0.2, "scale": (0.7, 1.2), "shear": 20.0}
    result = registry.build("augment", Part("affine", options), context)(batch, seeded(3))
    generator = seeded(3)
    torch.rand(n, generator=generator)  # which images are warped: all

    def draw(low: float, high: float) -> list[float]:
        return (torch.rand(n, generator=generator) * (high - low) + low).tolist()

    angles, slants, scales = draw(-30, 30), draw(-20, 20), draw(0.7, 1.2)
    right, down = draw(-0.2 * 37, 0.2 * 37), draw(-0.2 * 45, 0.2 * 45)
    for i in range(n):
        amounts = angles[i], [right[i], down[i]], scales[i], [-slants[i], 0.0]
        expected = V.affine(batch.images[i], *amounts, interpolation=InterpolationMode.BILINEAR)
        torch.testing.assert_close(result.images[i], expected, atol=1e-4, rtol=0)
        mask = V.affine(batch.pixel_labels[i, None], *amounts, interpolation=InterpolationMode.NEAREST)[0]
        if i < n - 1:  # the last has no mask
            assert torch.equal(result.pixel_labels[i], mask)


def test_amounts_together_are_the_amounts_one_after_another() -> None:
    # Sheared, then rotated, then scaled, then translated: a dot goes where the four matrices send it.
    warp = Warp(degrees=30.0, translate=0.1, scale=(0.7, 0.9), shear=20.0)
    batch = dots(20, 81, 101, 9.0, -14.0)
    down, across = dot_centers(warp(batch, seeded(3)).images)
    generator = seeded(3)
    torch.rand(20, generator=generator)  # who is warped: all

    def draw(low: float, high: float) -> Tensor:
        return torch.rand(20, generator=generator) * (high - low) + low

    angle, slant = torch.deg2rad(draw(-30, 30)), torch.tan(torch.deg2rad(draw(-20, 20)))
    zoom, right, below = draw(0.7, 0.9), draw(-0.1, 0.1) * 101, draw(-0.1, 0.1) * 81
    x, y = -14.0 + slant * 9.0, 9.0
    turned_x, turned_y = angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y
    torch.testing.assert_close(across, zoom * turned_x + right, atol=0.1, rtol=0)
    torch.testing.assert_close(down, zoom * turned_y + below, atol=0.1, rtol=0)


def test_options_of_the_warp(context: Context) -> None:
    options = {"degrees": 5.0, "fill": "border", "probability": 0.5}
    built = registry.build("augment", Part("affine", options), context)
    assert built == Warp(5.0, 0.1, (0.85, 1.15), 10.0, fill="border", probability=0.5)

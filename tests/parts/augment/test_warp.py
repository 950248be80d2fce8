"""Warps against what they should do to a known image."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from handful.core.context import Context
from handful.core.recipe import Part
from handful.core.tensors import Batch
from handful.parts import registry
from handful.parts.augment._warp import Warp
from tests.parts.augment.conftest import make_batch, seeded


def dots(n: int, h: int, w: int, down: float, across: float) -> Batch:
    """A soft dot in each image, at this many pixels from the center."""
    y, x = torch.meshgrid(torch.arange(h) - (h - 1) / 2, torch.arange(w) - (w - 1) / 2, indexing="ij")
    dot = torch.exp(-((y - down) ** 2 + (x - across) ** 2) / 8)
    labels = torch.zeros(n, dtype=torch.int64)
    maps = (dot > 0.5).long().repeat(n, 1, 1)
    return Batch(dot.repeat(n, 3, 1, 1), labels, torch.eye(1)[labels], maps)


def center(images: Tensor) -> tuple[Tensor, Tensor]:
    """Where each image's dot is, in pixels from the center: down, across."""
    weight = images[:, 0] / images[:, 0].sum((1, 2), keepdim=True)
    h, w = weight.shape[1:]
    down = (weight.sum(2) * (torch.arange(h) - (h - 1) / 2)).sum(1)
    return down, (weight.sum(1) * (torch.arange(w) - (w - 1) / 2)).sum(1)


def test_rotation_keeps_distances_on_an_oblong_image() -> None:
    down, across = center(Warp(degrees=40.0)(dots(300, 61, 91, 0.0, 18.0), seeded(0)).images)
    torch.testing.assert_close((down**2 + across**2).sqrt(), torch.full((300,), 18.0), atol=0.05, rtol=0)
    angles = torch.atan2(down, across).rad2deg()
    assert angles.abs().max() < 40.1
    assert angles.abs().max() > 38
    assert abs(angles.mean()) < 5  # a standard error is 1.3
    assert angles.std() == pytest.approx(40 / math.sqrt(3), rel=0.1)


def test_translation_is_a_share_of_each_side() -> None:
    down, across = center(Warp(translate=0.2)(dots(300, 60, 100, 0.0, 0.0), seeded(0)).images)
    assert 11.5 < down.abs().max() < 12.1
    assert 19 < across.abs().max() < 20.1


def test_scale_enlarges_about_the_center() -> None:
    batch = make_batch(4, 24, 32)
    result = Warp(scale=(2.0, 2.0))(batch, seeded(0))
    twice = F.interpolate(batch.images, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(result.images, twice[:, :, 12:36, 16:48], atol=1e-4, rtol=0)
    maps = F.interpolate(batch.pixel_labels[:, None].float(), scale_factor=2)[:, 0, 12:36, 16:48]
    assert torch.equal(result.pixel_labels, maps.long())


def test_shear_slants_upright_lines_only() -> None:
    down, across = center(Warp(shear=30.0)(dots(300, 91, 61, 20.0, 0.0), seeded(0)).images)
    torch.testing.assert_close(down, torch.full((300,), 20.0), atol=0.05, rtol=0)
    slants = torch.atan2(across.abs(), down).rad2deg()
    assert 28 < slants.max() < 30.1


def test_amounts_together_are_the_amounts_one_after_another() -> None:
    # Sheared, then rotated, then scaled, then translated: a dot goes where the four matrices send it.
    warp = Warp(degrees=30.0, translate=0.1, scale=(0.7, 0.9), shear=20.0)
    batch = dots(20, 81, 101, 9.0, -14.0)
    down, across = center(warp(batch, seeded(3)).images)
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


def test_elastic_moves_a_pixel_by_a_bounded_smooth_amount() -> None:
    images = make_batch(50, 40, 30).images
    still = Warp().grid(images, seeded(0))
    moved = (Warp(elastic=0.05).grid(images, seeded(0)) - still) / 2  # in shares of the side
    assert 0.04 < moved.abs().max() < 0.08  # bicubic overshoots its knots by less than a half
    assert moved[:, 0, 0].abs().max() <= 0.05 + 1e-6  # a corner is a knot
    assert moved.diff(dim=1).abs().max() < 0.05 * 2 * 3 / 40 * 2
    assert moved.std(dim=0).min() > 0.01  # every pixel moves


@pytest.mark.parametrize(("fill", "value"), [("zeros", 0.0), ("border", 1.0), ("reflection", 1.0)])
def test_fill(context: Context, fill: str, value: float) -> None:
    white = dots(8, 20, 20, 0.0, 0.0)
    white = Batch(torch.ones_like(white.images), white.labels, white.targets, white.pixel_labels * 0 + 1)
    options = {"translate": 0.0, "scale": (0.5, 0.5), "fill": fill}
    result = registry.build("augment", Part("translate_scale", options), context)(white, seeded(0))
    assert (result.images[:, :, 0, 0] == value).all()
    assert (result.pixel_labels[:, 0, 0] == (1 if fill == "reflection" else 0)).all()
    assert (result.pixel_labels[:, 10, 10] == 1).all()


def test_pixels_to_ignore_move_with_the_image() -> None:
    batch = dots(8, 21, 21, 0.0, 0.0)
    batch.pixel_labels[:, 8:13, 8:13] = -1
    maps = Warp(scale=(0.6, 0.6), translate=0.1)(batch, seeded(0)).pixel_labels
    assert ((maps == -1).sum((1, 2)) == 9).all()
    assert (maps[:, 0] == 0).all()


@pytest.mark.parametrize(
    ("name", "options", "warp"),
    [
        ("rotation", {"degrees": 20.0}, Warp(degrees=20.0)),
        ("shear", {"degrees": 20.0}, Warp(shear=20.0)),
        ("elastic", {"alpha": 0.1, "grid": 5}, Warp(elastic=0.1, elastic_grid=5)),
        ("translate_scale", {"translate": 0.2, "scale": (1.0, 1.1)}, Warp(translate=0.2, scale=(1.0, 1.1))),
        ("affine", {"degrees": 5.0, "fill": "border", "probability": 0.5}, None),
    ],
)
def test_parts_hand_their_options_on(
    context: Context, name: str, options: dict[str, object], warp: Warp | None
) -> None:
    built = registry.build("augment", Part(name, options), context)
    if warp is None:
        warp = Warp(5.0, 0.1, (0.85, 1.15), 10.0, fill="border", probability=0.5)
    assert built == warp

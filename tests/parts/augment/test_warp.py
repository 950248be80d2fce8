"""Warps: labels that are to be ignored, images without change, draws that do not depend on each other."""

import torch

from handful.parts.augment._warp import Warp
from tests.parts.augment._support import dots
from tests.parts.augment.conftest import make_batch, seeded


def test_pixels_to_ignore_move_with_the_image() -> None:
    batch = dots(8, 21, 21, 0.0, 0.0)
    batch.pixel_labels[:, 8:13, 8:13] = -1
    maps = Warp(scale=(0.6, 0.6), translate=0.1)(batch, seeded(0)).pixel_labels
    assert ((maps == -1).sum((1, 2)) == 9).all()
    assert (maps[:, 0] == 0).all()


def test_no_amounts_change_nothing() -> None:
    batch = make_batch()
    result = Warp()(batch, seeded(0))
    torch.testing.assert_close(result.images, batch.images, atol=1e-4, rtol=0)
    assert torch.equal(result.pixel_labels, batch.pixel_labels)


def test_a_seed_draws_the_same_amounts_whatever_the_others_are() -> None:
    images = make_batch(20).images
    rotated, also_moved = (Warp(degrees=30.0, translate=t).grid(images, seeded(5)) for t in (0.0, 0.3))
    torch.testing.assert_close(rotated.diff(dim=2), also_moved.diff(dim=2), atol=1e-5, rtol=0)  # moves add a constant

"""Flips: the image mirrored, with the chance asked for."""

import pytest
import torch

from handful.core.context import Context
from handful.core.recipe import Part
from handful.parts import registry
from tests.parts.augment.conftest import make_batch, seeded


@pytest.mark.parametrize("side", ["horizontal", "vertical"])
def test_flip(context: Context, side: str) -> None:
    batch = make_batch()
    both = {"horizontal": 0.0, "vertical": 0.0, side: 1.0}
    result = registry.build("augment", Part("flip", both), context)(batch, seeded(0))
    axis = -1 if side == "horizontal" else -2
    assert torch.equal(result.images, batch.images.flip(axis))
    assert torch.equal(result.pixel_labels, batch.pixel_labels.flip(axis))


def test_flip_chance(context: Context) -> None:
    batch = make_batch(400, 4, 5)
    result = registry.build("augment", Part("flip", {"horizontal": 0.2}), context)(batch, seeded(0))
    share = (result.images != batch.images).flatten(1).any(dim=1).float().mean()
    assert 0.12 < share < 0.28

"""Noise against its declared standard deviation."""

import pytest
import torch

from handful.core.context import Context
from handful.core.recipe import Part
from handful.core.tensors import Batch
from handful.parts import registry
from tests.parts.augment.conftest import make_batch, seeded


def test_noise_spread(context: Context) -> None:
    batch = make_batch(300, 20, 20)
    batch = Batch(torch.full_like(batch.images, 0.5), batch.labels, batch.targets, batch.pixel_labels)
    batch.images[:150, 0] += 0.1  # half of the images have color
    noise = registry.build("augment", Part("noise", {"std": 0.1}), context)
    drawn = noise(batch, seeded(0)).images - batch.images
    spread = drawn.flatten(1).std(dim=1)
    assert spread.max() < 0.11
    assert spread.mean().item() == pytest.approx(0.05, rel=0.15)
    assert (drawn[150:] - drawn[150:, :1]).abs().max() < 1e-6
    assert (drawn[:150] - drawn[:150, :1]).abs().amax((1, 2, 3)).median() > 0.05

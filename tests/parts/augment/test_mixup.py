"""Mixup against a loop over images that reads off what was mixed."""

from dataclasses import replace

import pytest
import torch

from handful.core.context import Context
from tests.parts.augment._support import apply
from tests.parts.augment.conftest import make_batch


def test_mixup_is_the_weighted_mean_of_image_and_targets(context: Context) -> None:
    batch = make_batch(30, 8, 10)
    batch = replace(batch, labels=torch.arange(30), targets=torch.eye(30))
    result = apply(context, "mixup", batch, alpha=1.0)
    for i in range(30):
        own = result.targets[i, i].item()
        other = next(j for j in result.targets[i].nonzero()[:, 0].tolist() if j != i)
        assert result.targets[i, other].item() == pytest.approx(1 - own, abs=1e-6)
        torch.testing.assert_close(
            result.images[i], own * batch.images[i] + (1 - own) * batch.images[other], atol=1e-5, rtol=0
        )
        same = batch.pixel_labels[i] == batch.pixel_labels[other]
        assert torch.equal(result.pixel_labels[i], torch.where(same, batch.pixel_labels[i], -1))
        assert result.labels[i] == (i if own >= 0.5 else other)

"""Partners and weights of mixed images, and what CutMix and Mixup share."""

from dataclasses import replace

import pytest
import torch

from handful.core.context import Context
from handful.parts.augment._mix import mix_index, mix_weights, mixing_weights, partners
from tests.parts.augment._support import apply, constant_images
from tests.parts.augment.conftest import make_batch, seeded


def test_partners_are_others_and_each_serves_once() -> None:
    for n in (2, 3, 17):
        partner = partners(n, seeded(n))
        assert sorted(partner.tolist()) == list(range(n))
        assert (partner != torch.arange(n)).all()
    assert partners(1, seeded(0)).tolist() == [0]


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_weights_are_beta(alpha: float) -> None:
    weights = mixing_weights(20_000, alpha, seeded(0))
    assert weights.mean().item() == pytest.approx(0.5, abs=0.02)
    assert weights.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


def test_an_unlabelled_partner_adds_no_target(context: Context) -> None:
    batch = constant_images(12, 9, 9)
    batch.labels[::2], batch.targets[::2] = -1, 0
    for name in ("cutmix", "mixup"):
        result = apply(context, name, batch, probability=1.0)
        assert (result.targets.sum(dim=1) <= 1 + 1e-6).all()
        assert (result.targets.sum(dim=1) < 0.99).any()
        assert set(result.labels.tolist()) <= set(batch.labels.tolist())


@pytest.mark.parametrize("name", ["cutmix", "mixup"])
def test_a_lone_image_is_left_alone(context: Context, name: str) -> None:
    batch = make_batch(1)
    result = apply(context, name, batch, probability=1.0)
    torch.testing.assert_close(result.images, batch.images)
    torch.testing.assert_close(result.targets, batch.targets)
    assert torch.equal(result.pixel_labels, batch.pixel_labels)


def test_a_mixture_of_two_images_has_no_position_among_the_training_images() -> None:
    batch = replace(make_batch(4, 8, 8), index=torch.tensor([7, 2, 2, 5]))
    partner, weight = torch.tensor([1, 2, 3, 0]), torch.tensor([0.4, 0.4, 1.0, 0.0])
    index = mix_index(batch, partner, weight)
    assert index is not None
    assert index.tolist() == [-1, 2, 2, -1]
    assert mix_index(replace(batch, index=None), partner, weight) is None


def test_weights_are_mixed_as_the_images_are() -> None:
    batch = replace(make_batch(3, 8, 8), weights=torch.tensor([1.0, 0.0, 4.0]))
    mixed = mix_weights(batch, torch.tensor([1, 2, 0]), torch.tensor([0.5, 0.75, 1.0]))
    assert mixed is not None
    assert mixed.tolist() == [0.5, 1.0, 4.0]
    assert mix_weights(replace(batch, weights=None), torch.tensor([1, 2, 0]), torch.ones(3)) is None

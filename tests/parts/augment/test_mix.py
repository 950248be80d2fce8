"""CutMix and Mixup against a loop over images that reads off what was mixed."""

from dataclasses import replace

import pytest
import torch

from handful.core.context import Context
from handful.core.recipe import Part
from handful.core.tensors import Batch
from handful.parts import registry
from handful.parts.augment._mix import partners, shares
from tests.parts.augment.conftest import make_batch, seeded


def flat(n: int, h: int, w: int) -> Batch:
    """Image i is all of the value i / 100, its pixel labels all of its class; every class is used once."""
    labels = torch.arange(n)
    images = (labels / 100)[:, None, None, None].expand(n, 3, h, w).contiguous(memory_format=torch.channels_last)
    maps = (labels + 1)[:, None, None].expand(n, h, w).contiguous()
    return Batch(images, labels, torch.eye(n)[labels], maps)


def apply(context: Context, name: str, batch: Batch, **options: float) -> Batch:
    result = registry.build("augment", Part(name, options), context)(batch, seeded(3))
    assert isinstance(result, Batch)
    return result


def test_partners_are_others_and_each_serves_once() -> None:
    for n in (2, 3, 17):
        partner = partners(n, seeded(n))
        assert sorted(partner.tolist()) == list(range(n))
        assert (partner != torch.arange(n)).all()
    assert partners(1, seeded(0)).tolist() == [0]


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_beta(alpha: float) -> None:
    drawn = shares(20_000, alpha, seeded(0))
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.02)
    assert drawn.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


def test_cutmix_targets_are_the_areas_counted_by_hand(context: Context) -> None:
    n, h, w = 40, 13, 20
    result = apply(context, "cutmix", flat(n, h, w), probability=1.0)
    clipped = 0
    for i in range(n):
        values = (result.images[i, 0] * 100).round().long()
        assert torch.equal(values, result.pixel_labels[i] - 1)  # the mask is cut with the image
        counts = torch.bincount(values.flatten(), minlength=n)
        torch.testing.assert_close(result.targets[i], counts / (h * w))
        others = [j for j in counts.nonzero()[:, 0].tolist() if j != i]
        assert len(others) <= 1
        if not others:
            continue
        inside = values == others[0]
        rows, columns = inside.any(dim=1), inside.any(dim=0)
        assert inside.sum() == rows.sum() * columns.sum()  # a box
        clipped += bool(rows[0] | rows[-1] | columns[0] | columns[-1])
        larger = others[0] if counts[others[0]] > counts[i] else i
        assert result.labels[i] == larger
    assert clipped > 5
    assert len({int(t.max() * 1000) for t in result.targets}) > n / 2  # boxes of their own


def test_cutmix_area_is_uniform_before_it_is_clipped(context: Context) -> None:
    result = apply(context, "cutmix", flat(2000, 32, 32), probability=1.0)
    own = result.targets.gather(1, torch.arange(2000)[:, None])
    # A box of area a about a uniform center keeps, clipped, (1 - side/4)^2 of it: E[a (1 - sqrt(a)/4)^2].
    lost = torch.linspace(0, 1, 10_001)
    assert (1 - own).mean().item() == pytest.approx((lost * (1 - lost.sqrt() / 4) ** 2).mean().item(), abs=0.02)


def test_pixels_from_an_image_without_a_mask_are_ignored(context: Context) -> None:
    batch = flat(12, 9, 9)
    batch.pixel_labels[::2] = -1
    result = apply(context, "cutmix", batch, probability=1.0)
    values = (result.images[:, 0] * 100).round().long()
    assert torch.equal(result.pixel_labels == -1, values % 2 == 0)


def test_an_unlabelled_partner_adds_no_target(context: Context) -> None:
    batch = flat(12, 9, 9)
    batch.labels[::2], batch.targets[::2] = -1, 0
    for name in ("cutmix", "mixup"):
        result = apply(context, name, batch, probability=1.0)
        assert (result.targets.sum(dim=1) <= 1 + 1e-6).all()
        assert (result.targets.sum(dim=1) < 0.99).any()
        assert set(result.labels.tolist()) <= set(batch.labels.tolist())


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


@pytest.mark.parametrize("name", ["cutmix", "mixup"])
def test_a_lone_image_is_left_alone(context: Context, name: str) -> None:
    batch = make_batch(1)
    result = apply(context, name, batch, probability=1.0)
    torch.testing.assert_close(result.images, batch.images)
    torch.testing.assert_close(result.targets, batch.targets)
    assert torch.equal(result.pixel_labels, batch.pixel_labels)

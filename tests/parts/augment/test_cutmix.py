"""CutMix against a loop over images that reads off what was pasted."""

import pytest
import torch

from handful.core.context import Context
from tests.parts.augment._support import apply, constant_images


def test_cutmix_targets_are_the_areas_counted_by_hand(context: Context) -> None:
    n, h, w = 40, 13, 20
    result = apply(context, "cutmix", constant_images(n, h, w), probability=1.0)
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
    result = apply(context, "cutmix", constant_images(2000, 32, 32), probability=1.0)
    own = result.targets.gather(1, torch.arange(2000)[:, None])
    # A box of area a about a uniform center keeps, clipped, (1 - side/4)^2 of it: E[a (1 - sqrt(a)/4)^2].
    lost = torch.linspace(0, 1, 10_001)
    assert (1 - own).mean().item() == pytest.approx((lost * (1 - lost.sqrt() / 4) ** 2).mean().item(), abs=0.02)


def test_pixels_from_an_image_without_a_mask_are_ignored(context: Context) -> None:
    batch = constant_images(12, 9, 9)
    batch.pixel_labels[::2] = -1
    result = apply(context, "cutmix", batch, probability=1.0)
    values = (result.images[:, 0] * 100).round().long()
    assert torch.equal(result.pixel_labels == -1, values % 2 == 0)

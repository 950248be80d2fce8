"""Random masking: a share of the patches of a grid, with the images before."""

import pytest
import torch

from handful.core.context import Context
from handful.core.recipe import Part
from handful.parts import registry
from tests.parts.augment.conftest import make_batch, seeded


def test_a_share_of_whole_patches_is_hidden_and_the_images_before_are_kept(context: Context) -> None:
    batch = make_batch(20, 16, 24)
    mask = registry.build("augment", Part("patch_mask", {"side": 0.25, "share": 0.5}), context)
    result = mask(batch, seeded(0))
    assert result.hidden is not None
    patches = result.hidden.view(20, 4, 4, 6, 4).float().mean(dim=(2, 4)).flatten(1)
    assert set(patches.unique().tolist()) == {0, 1}
    assert patches.sum(dim=1).tolist() == [12] * 20
    assert torch.equal(result.unmasked, batch.images)
    means = batch.images.mean(dim=(2, 3), keepdim=True).expand_as(batch.images)
    torch.testing.assert_close(result.images, torch.where(result.hidden[:, None], means, batch.images))
    assert len(patches.unique(dim=0)) > 10


@pytest.mark.parametrize("share", [0.01, 0.95])
def test_a_patch_stays_visible_whatever_the_share(context: Context, share: float) -> None:
    mask = registry.build("augment", Part("patch_mask", {"side": 0.5, "share": share}), context)
    hidden = mask(make_batch(3, 6, 6), seeded(0)).hidden
    assert hidden is not None
    assert (~hidden).any(dim=2).any(dim=1).all()

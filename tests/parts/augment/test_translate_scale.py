"""Translation and scaling of known images, and what comes in from outside."""

import pytest
import torch
import torch.nn.functional as F

from handful.core.context import Context
from handful.core.recipe import Part
from handful.core.tensors import Batch
from handful.parts import registry
from handful.parts.augment._warp import Warp
from tests.parts.augment._support import dot_centers, dots
from tests.parts.augment.conftest import make_batch, seeded


def test_translation_is_a_share_of_each_side(context: Context) -> None:
    options = {"translate": 0.2, "scale": (1.0, 1.0)}
    translate = registry.build("augment", Part("translate_scale", options), context)
    down, across = dot_centers(translate(dots(300, 60, 100, 0.0, 0.0), seeded(0)).images)
    assert 11.5 < down.abs().max() < 12.1
    assert 19 < across.abs().max() < 20.1


def test_scale_enlarges_about_the_center(context: Context) -> None:
    batch = make_batch(4, 24, 32)
    options = {"translate": 0.0, "scale": (2.0, 2.0)}
    result = registry.build("augment", Part("translate_scale", options), context)(batch, seeded(0))
    enlarged = F.interpolate(batch.images, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(result.images, enlarged[:, :, 12:36, 16:48], atol=1e-4, rtol=0)
    maps = F.interpolate(batch.pixel_labels[:, None].float(), scale_factor=2)[:, 0, 12:36, 16:48]
    assert torch.equal(result.pixel_labels, maps.long())


@pytest.mark.parametrize(("fill", "value"), [("zeros", 0.0), ("border", 1.0), ("reflection", 1.0)])
def test_fill(context: Context, fill: str, value: float) -> None:
    white = dots(8, 20, 20, 0.0, 0.0)
    white = Batch(torch.ones_like(white.images), white.labels, white.targets, white.pixel_labels * 0 + 1)
    options = {"translate": 0.0, "scale": (0.5, 0.5), "fill": fill}
    result = registry.build("augment", Part("translate_scale", options), context)(white, seeded(0))
    assert (result.images[:, :, 0, 0] == value).all()
    assert (result.pixel_labels[:, 0, 0] == (1 if fill == "reflection" else 0)).all()
    assert (result.pixel_labels[:, 10, 10] == 1).all()


def test_options_of_the_warp(context: Context) -> None:
    options = {"translate": 0.2, "scale": (1.0, 1.1)}
    built = registry.build("augment", Part("translate_scale", options), context)
    assert built == Warp(translate=0.2, scale=(1.0, 1.1))

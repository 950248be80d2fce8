"""Color distortion against torchvision's functions for one image."""

import colorsys

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as V

from handful.core.context import Context
from handful.core.recipe import Part
from handful.core.tensors import Batch
from handful.parts import registry
from tests.parts.augment.conftest import make_batch, seeded

NONE = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0, "probability": 1.0}


def mild(n: int) -> Batch:
    """Colors far enough from 0 and 1 that nothing is clipped."""
    batch = make_batch(n, 9, 11)
    return Batch(batch.images * 0.3 + 0.35, batch.labels, batch.targets, batch.pixel_labels)


def distort(context: Context, batch: Batch, **options: float) -> Tensor:
    result = registry.build("augment", Part("color_jitter", NONE | options), context)(batch, seeded(0))
    assert isinstance(result, Batch)
    return result.images


@pytest.mark.parametrize(
    ("option", "oracle"),
    [
        ("brightness", V.adjust_brightness),
        ("contrast", V.adjust_contrast),
        ("saturation", V.adjust_saturation),
    ],
)
def test_one_factor_as_torchvision(context: Context, option: str, oracle: object) -> None:
    batch = mild(40)
    out = distort(context, batch, **{option: 0.4})
    factors = []
    for old, new in zip(batch.images, out, strict=True):
        # The oracle is linear in its factor, so two of its values give the factor that was drawn.
        one, half = old, oracle(old, 0.5)  # type: ignore[operator]
        factor = 1 + ((new - one) * (one - half)).sum() / ((one - half) ** 2).sum() / 2
        factors.append(factor.item())
        torch.testing.assert_close(new, oracle(old, factor.item()), atol=2e-3, rtol=0)  # type: ignore[operator]
    assert 0.6 <= min(factors) < 0.65
    assert 1.35 < max(factors) <= 1.4


def test_hue_turns_colors_and_keeps_luma(context: Context) -> None:
    batch = mild(60)
    out = distort(context, batch, hue=0.25)
    luma = torch.tensor([0.299, 0.587, 0.114])
    torch.testing.assert_close(
        torch.einsum("c,nchw->nhw", luma, out),
        torch.einsum("c,nchw->nhw", luma, batch.images),
        atol=1e-4,
        rtol=0,
    )
    red = Batch(batch.images.clone(), batch.labels, batch.targets, batch.pixel_labels)
    red.images[:] = torch.tensor([0.6, 0.45, 0.45]).view(1, 3, 1, 1)
    hues = [colorsys.rgb_to_hsv(*p.tolist())[0] for p in distort(context, red, hue=0.25)[:, :, 0, 0]]
    turns = [(h + 0.5) % 1 - 0.5 for h in hues]
    assert min(turns) < -0.2
    assert max(turns) > 0.2
    assert max(abs(t) for t in turns) < 0.36  # the two color circles differ by up to a tenth of a turn


def test_order_of_contrast_and_brightness_leaves_no_clipping_between(context: Context) -> None:
    batch = make_batch(20)
    out = distort(context, batch, brightness=1.0, contrast=1.0)
    assert out.min() >= 0
    assert out.max() <= 1

"""Each head against its formula."""

from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from timm.layers.adaptive_avgmax_pool import SelectAdaptivePool2d
from torch import nn
from torchvision.models.segmentation.deeplabv3 import DeepLabHead

from handful.core.tensors import Backbone
from handful.errors import RecipeError
from handful.parts.backbones import wide_resnet
from handful.parts.heads import deeplab, linear, multitask, segmentation
from tests.support.datasets import context

BACKBONE = Backbone(nn.Identity(), 16, 4)
COMPARE = context().labels.logits


def x(n: int = 2, h: int = 4, w: int = 5) -> torch.Tensor:
    return torch.randn((n, 16, h, w), generator=torch.Generator().manual_seed(0))


def test_linear_is_norm_relu_pool_linear() -> None:
    head = linear.build(context(), backbone=BACKBONE).eval()
    assert isinstance(head, linear.Linear)
    assert isinstance(head.norm, nn.BatchNorm2d)
    output = head(x(), size=(16, 20), compare=COMPARE)
    pooled = F.adaptive_avg_pool2d(F.relu(head.norm(x())), 1).flatten(1)
    torch.testing.assert_close(output.features, pooled)
    torch.testing.assert_close(output.logits, head.linear(pooled))
    assert output.pixels is None
    plain = linear.build(context(), backbone=BACKBONE, norm="none").eval()
    torch.testing.assert_close(plain(x(), size=(16, 20), compare=COMPARE).features, x().mean(dim=(2, 3)))


def test_dual_pool_is_the_mean_of_average_and_maximum_as_timms() -> None:
    head = linear.build(context(), backbone=BACKBONE, norm="none", pool="dual").eval()
    assert isinstance(head, linear.Linear)
    output = head(x(), size=(16, 20), compare=COMPARE)
    torch.testing.assert_close(output.features, SelectAdaptivePool2d(pool_type="avgmax", flatten=True)(x()))
    torch.testing.assert_close(output.logits, head.linear(output.features))
    with pytest.raises(ValueError, match="avg or dual, not 'max'"):
        linear.check_pool("max")


@pytest.mark.parametrize("head", [segmentation, deeplab, multitask])
def test_a_head_that_scores_pixels_refuses_maps_beyond_the_image(head: ModuleType) -> None:
    grown = wide_resnet.build(context(), depth=10, width=1, padding="full")
    with pytest.raises(RecipeError, match='padding = "same"'):
        head.build(context(), backbone=grown)
    head.build(context(), backbone=wide_resnet.build(context(), depth=10, width=1))


def test_segmentation_is_norm_relu_transposed_convolution() -> None:
    head = segmentation.build(context(), backbone=BACKBONE).eval()
    assert isinstance(head, segmentation.Segmentation)
    assert isinstance(head.up, nn.ConvTranspose2d)
    output = head(x(), size=(15, 18), compare=COMPARE)
    maps = head.up(F.relu(head.norm(x())))
    assert maps.shape == (2, 4, 16, 20)
    torch.testing.assert_close(output.pixels, maps[..., :15, :18])
    torch.testing.assert_close(output.logits, maps[:, 1:, :15, :18].mean(dim=(2, 3)))


def test_bilinear_is_a_convolution_and_interpolation() -> None:
    layer = segmentation.upsample(16, 4, 4, "bilinear")
    assert isinstance(layer, nn.Sequential)
    torch.testing.assert_close(layer(x()), F.interpolate(layer[0](x()), (16, 20), mode="bilinear", align_corners=False))


@pytest.mark.parametrize("stride", [2, 4, 7, 8, 14, 16, 32])
def test_upsample_covers_every_pixel(stride: int) -> None:
    layer = segmentation.upsample(1, 1, stride)
    assert isinstance(layer, nn.ConvTranspose2d)
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    ones = layer(torch.ones(1, 1, 3, 3))
    assert min(ones.shape[-2:]) >= 3 * stride
    assert ones.min() > 0
    middle = ones[..., stride : 2 * stride, stride : 2 * stride]
    assert (middle == 4).all()  # four taps each, so no seams between blocks


def test_deeplab_is_torchvisions_head_enlarged() -> None:
    head = deeplab.build(context(), backbone=BACKBONE).eval()
    assert isinstance(head, deeplab.DeepLab)
    theirs = DeepLabHead(16, 4).eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), head.state_dict().values(), strict=True)))
    output = head(x(), size=(15, 18), compare=COMPARE)
    expected = F.interpolate(theirs(x()), (15, 18), mode="bilinear", align_corners=False)
    torch.testing.assert_close(output.pixels, expected)
    torch.testing.assert_close(output.logits, expected[:, 1:].mean(dim=(2, 3)))
    assert output.features.shape == (2, 256)


@pytest.mark.parametrize("rates", [(0, 1, 2), (1, 2, -3)])
def test_deeplab_refuses_rates_that_are_none(rates: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="three positive numbers"):
        deeplab.build(context(), backbone=BACKBONE, rates=rates)


def test_multitask_wide_resnet_form() -> None:
    head = multitask.build(context(), backbone=BACKBONE).eval()
    assert isinstance(head, multitask.Multitask)
    assert [type(m).__name__ for m in head.segment.children()] == ["BatchNorm2d", "ReLU", "ConvTranspose2d"]
    assert isinstance(head.classify, linear.Linear)
    assert isinstance(head.classify.norm, nn.BatchNorm2d)


def test_multitask_resnet_form() -> None:
    head = multitask.build(context(), backbone=BACKBONE, form="resnet", hidden=8).eval()
    assert isinstance(head, multitask.Multitask)
    names = [type(m).__name__ for m in head.segment.children()]
    block = ["ConvTranspose2d", "ReLU", "BatchNorm2d"]
    strided = multitask.build(context(), backbone=Backbone(nn.Identity(), 16, 32), form="resnet", hidden=8)
    assert [type(m).__name__ for m in strided.segment.children()] == [*block, *block, "ConvTranspose2d"]  # type: ignore[union-attr]
    assert names == [*block, *block, "Conv2d"]  # stride 4 leaves nothing for the third to enlarge
    assert isinstance(head.classify, linear.Linear)
    assert head.classify.norm is None


@pytest.mark.parametrize("form", ["wide_resnet", "resnet"])
def test_multitask_class_comes_from_the_linear_branch_alone(form: multitask.Form) -> None:
    head = multitask.build(context(), backbone=BACKBONE, form=form, hidden=8).train()
    assert isinstance(head, multitask.Multitask)
    output = head(x(), size=(16, 20), compare=COMPARE)
    output.logits.sum().backward()
    assert all(p.grad is None for p in head.segment.parameters())
    head.zero_grad(set_to_none=True)
    output = head(x(), size=(16, 20), compare=COMPARE)
    output.pixels.sum().backward()
    assert all(p.grad is None for p in head.classify.parameters())
    torch.testing.assert_close(output.pixels, head.segment(x())[..., :16, :20])


@pytest.mark.parametrize(
    ("stride", "factors"),
    [(1, (1, 1, 1)), (2, (2, 1, 1)), (4, (2, 2, 1)), (8, (2, 2, 2)), (14, (7, 2, 1)), (16, (4, 2, 2)), (32, (4, 4, 2))],
)
def test_three_factors(stride: int, factors: tuple[int, int, int]) -> None:
    assert multitask.three_factors(stride) == factors


def test_multitask_refuses_no_channels() -> None:
    with pytest.raises(ValueError, match="hidden"):
        multitask.build(context(), backbone=BACKBONE, form="resnet", hidden=0)

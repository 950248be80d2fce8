"""What every backbone in the folder keeps to. A new file is tested from its first run."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from handful.core.recipe import Part
from handful.core.tensors import Backbone
from handful.parts import registry
from handful.recipes.backbones import is_rectified
from tests.support.datasets import context

SMALL: dict[str, Mapping[str, Any]] = {  # options that a part needs, or that make it quick
    "wide_resnet": {"depth": 10, "width": 1},
    "timm": {"model": "resnet10t"},
    "timm_pooled": {"model": "resnet10t"},
    "pixels": {"size": 6},
    "concat": {"backbones": ("efficientnet_lite0", {"name": "pixels", "size": 6})},
    "dsk_resnext": {"depth": 11, "width": 16, "groups": 4, "base_width": 16},
}
ELSEWHERE = {"image_text"}  # needs a model of its own on disk: see test_image_text
VARIANTS: list[tuple[str, Mapping[str, Any]]] = [
    (name, SMALL.get(name, {})) for name in registry.names("backbones") if name not in ELSEWHERE
] + [
    ("wide_resnet", {"depth": 10, "width": 1, "norm": "group", "strides": (2, 2, 2)}),
    ("wide_resnet", {"depth": 10, "width": 1, "convolution": "harmonic", "harmonics": 3}),
    ("dsk_resnext", {"depth": 11, "width": 16, "groups": 4, "base_width": 16, "draw": "image", "norm": "group"}),
    ("dsk_resnext", {"depth": 11, "width": 16, "stem": "imagenet", "convolution": "harmonic"}),
    ("efficientnet_lite0", {"stride": 8}),
    ("efficientnet_lite0", {"stride": 8, "fuse": True, "expand": False, "freeze": 2}),
    ("efficientnet_lite0", {"dilate": True, "freeze": "stem"}),
    ("torchvision", {"small_stem": True}),
    ("torchvision", {"fuse": True, "stride": 8}),
    ("torchvision", {"model": "resnet50", "dilate": True}),
    ("torchvision", {"model": "vgg16", "freeze": "stem"}),
    ("timm", {"model": "resnet10t", "dilate": True}),
    ("timm", {"model": "convnext_atto", "stride": 8, "fuse": True, "freeze": "stem"}),
    ("timm", {"model": "mobilenetv3_small_050", "stride": 16, "freeze": 2}),
    ("timm_pooled", {"model": "convnext_atto"}),
]
every = pytest.mark.parametrize(("name", "options"), VARIANTS, ids=lambda v: str(v))


def make(name: str, options: Mapping[str, Any]) -> Backbone:
    torch.manual_seed(0)
    backbone = registry.build("backbones", Part(name, options), context())
    assert isinstance(backbone, Backbone)
    return backbone


def images(n: int, h: int, w: int, seed: int = 0) -> torch.Tensor:
    return torch.randn((n, 3, h, w), generator=torch.Generator().manual_seed(seed))


@every
@torch.no_grad()
def test_maps_have_the_promised_shape_and_keep_images_apart(name: str, options: Mapping[str, Any]) -> None:
    backbone = make(name, options)
    network = backbone.network.eval()
    for h, w in ((64, 64), (37, 50)):
        x = images(2, h, w)
        maps = network(x)
        assert maps.shape == (2, backbone.channels, -(-h // backbone.stride), -(-w // backbone.stride))
        assert maps.isfinite().all()
        assert maps.std() > 0
        assert torch.equal(maps, network(x))
        torch.testing.assert_close(maps[1:], network(x[1:]), rtol=1e-3, atol=1e-4)


@every
def test_gradients_reach_every_parameter_that_learns(name: str, options: Mapping[str, Any]) -> None:
    backbone = make(name, options)
    network = backbone.network.train()
    if not list(network.parameters()):
        return
    maps = network(images(2, 64, 64))
    (maps * images(2, 1, 1, seed=1).mean(dim=1, keepdim=True)).sum().backward()
    learn = {n: p for n, p in network.named_parameters() if p.requires_grad}
    assert learn
    for parameter, values in learn.items():
        assert values.grad is not None, parameter
        assert values.grad.isfinite().all(), parameter
    assert all(p.grad is None for p in network.parameters() if not p.requires_grad)
    assert any(bool((p.grad != 0).any()) for p in learn.values() if p.grad is not None)


@every
def test_seed_decides_the_weights_and_the_scale_is_positive(name: str, options: Mapping[str, Any]) -> None:
    backbone = make(name, options)
    first, again = backbone.network.state_dict(), make(name, options).network.state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert all(0 <= m <= 1 for m in backbone.mean)
    assert all(0 < s <= 1 for s in backbone.std)


@every
@torch.no_grad()
def test_what_is_not_signed_has_no_negative_features(name: str, options: Mapping[str, Any]) -> None:
    if "weights" not in registry.options("backbones", name):
        return
    smallest = float(make(name, options).network.eval()(images(2, 64, 64)).min())
    assert (smallest >= 0) == is_rectified(Part(name, options))

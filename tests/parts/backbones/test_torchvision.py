from pathlib import Path
from typing import Literal

import pytest
import torch
import torchvision
from torchvision.models.vgg import cfgs, make_layers

from handful.errors import RecipeError
from handful.parts.backbones.torchvision import MODELS, build
from tests.support.datasets import context


def test_resnet_maps_equal_the_library_network_before_its_pool() -> None:
    torch.manual_seed(1)
    net = torchvision.models.resnet18().eval()
    torch.manual_seed(1)
    backbone = build(context(), model="resnet18")
    x = torch.randn(1, 3, 64, 64)
    seen: list[torch.Tensor] = []
    net.avgpool.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        net(x)
        maps = backbone.network.eval()(x)
    assert (backbone.channels, backbone.stride) == (512, 32)
    assert torch.equal(maps, seen[0])


def test_vgg_maps_equal_the_library_layers(tmp_path: Path) -> None:
    layers = make_layers(cfgs["D"])
    torch.save({f"features.{k}": v for k, v in layers.state_dict().items()}, tmp_path / "library.pth")
    backbone = build(context(), model="vgg16", weights=str(tmp_path / "library.pth"))
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(backbone.network.eval()(x), layers(x))


def test_resnet101_parameters() -> None:
    backbone = build(context(), model="resnet101")
    count = sum(p.numel() for p in backbone.network.parameters())
    assert count == 44_549_160 - (2048 * 1000 + 1000)  # torchvision's count without its classifier


@pytest.mark.parametrize(
    ("options", "stride"),
    [
        ({"model": "resnet50", "dilate": True}, 8),
        ({"model": "resnet50", "dilate": True, "stride": 16}, 16),
        ({"small_stem": True}, 8),
        ({"model": "resnet50", "small_stem": True, "dilate": True}, 4),
        ({"model": "resnet50", "small_stem": True, "dilate": True, "stride": 2}, 2),
        ({"stride": 4}, 4),
        ({"model": "vgg16_bn", "stride": 16}, 16),
    ],
    ids=str,
)
def test_stride_is_what_the_options_say(options: dict[str, object], stride: int) -> None:
    backbone = build(context(), **options)  # type: ignore[arg-type]
    assert backbone.stride == stride
    with torch.no_grad():
        maps = backbone.network.eval()(torch.randn(1, 3, 33, 50))
    assert maps.shape[1:] == (backbone.channels, -(-33 // stride), -(-50 // stride))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "resnet18", "dilate": True}, "dilate cannot be combined with resnet18"),
        ({"model": "resnet50", "dilate": True, "fuse": True}, "dilate cannot be combined with fuse"),
        ({"model": "vgg16", "small_stem": True}, "for ResNets"),
        ({"small_stem": True, "pretrained": True}, "pretrained cannot be combined with small_stem"),
        ({"stride": 5}, r"stride must be one of \[2, 4, 8, 16, 32\]"),
        ({"model": "resnet50", "dilate": True, "stride": 2}, "dilate takes stride 4, 8, 16, not 2"),
        ({"freeze": 6}, "0 to 5 stages"),
    ],
    ids=str,
)
def test_options_that_do_not_go_together(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(context(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("version", "ending"), [("newest", "resnet50-11ad3fa6.pth"), ("v1", "resnet50-0676ba61.pth")])
def test_weights_are_the_newest_or_those_of_earlier_papers(
    version: Literal["newest", "v1"], ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def download(url: str) -> dict[str, torch.Tensor]:
        asked.append(url)
        return dict(torchvision.models.resnet50().state_dict())

    monkeypatch.setattr("handful.parts.backbones.torchvision.download", download)
    build(context(), model="resnet50", pretrained=True, version=version)
    assert [url.rsplit("/", 1)[-1] for url in asked] == [ending]


def test_unknown_model_gets_the_nearest_name() -> None:
    with pytest.raises(RecipeError, match="'resnet18'"):
        build(context(), model="resnet-18")
    assert {"resnet18", "resnet50", "resnet101", "vgg16"} <= set(MODELS)

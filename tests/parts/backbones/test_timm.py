from dataclasses import replace

import pytest
import timm
import torch

from handful.core.context import Context
from handful.errors import RecipeError
from handful.parts.backbones._extractor import PadToStride
from handful.parts.backbones.timm import build
from tests.support.datasets import context


def sized(h: int, w: int) -> Context:
    made = context()
    return replace(made, recipe=replace(made.recipe, image_size=(h, w)))


@pytest.mark.parametrize(
    ("model", "index"), [("resnet10t", 4), ("convnext_atto", 3), ("mobilenetv3_small_050", 4), ("densenet121", 4)]
)
def test_maps_equal_timm_own(model: str, index: int) -> None:
    torch.manual_seed(2)
    net = timm.create_model(model, features_only=True).eval()
    torch.manual_seed(2)
    backbone = build(context(), model=model)
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(backbone.network.eval()(x), net(x)[index])
    assert backbone.stride == 32
    config = timm.get_pretrained_cfg(model)
    assert config is not None
    assert backbone.mean == pytest.approx(config.mean)


@pytest.mark.parametrize(
    ("model", "size", "stride", "channels"),
    [
        ("vit_tiny_patch16_224", (70, 64), 16, 192),
        ("vit_small_patch14_dinov2", (56, 42), 14, 384),
        ("swin_tiny_patch4_window7_224", (64, 96), 32, 768),
        ("swin_tiny_patch4_window7_224", (64, 96), 8, 192),
    ],
)
def test_transformers_take_the_size_of_the_recipe(
    model: str, size: tuple[int, int], stride: int, channels: int
) -> None:
    backbone = build(sized(*size), model=model, stride=stride)
    with torch.no_grad():
        maps = backbone.network.eval()(torch.randn(2, 3, *size))
    assert maps.shape == (2, channels, -(-size[0] // stride), -(-size[1] // stride))
    with pytest.raises(RecipeError, match=r"(?s)one image size.*image_size"):
        build(context(), model=model)


@pytest.mark.parametrize("model", ["vit_tiny_patch16_224", "vit_small_patch14_reg4_dinov2"])
def test_maps_of_a_transformer_are_its_final_patch_tokens(model: str) -> None:
    backbone = build(sized(56, 42), model=model)
    whole = next(m for m in backbone.network.modules() if hasattr(m, "forward_features"))
    x = torch.randn(2, 3, 56, 42)
    with torch.no_grad():
        maps = backbone.network.eval()(x)
        tokens = whole.forward_features(PadToStride(backbone.stride)(x))  # type: ignore[operator]
    patches = tokens[:, whole.num_prefix_tokens :]
    torch.testing.assert_close(maps.flatten(2).transpose(1, 2), patches)


@pytest.mark.parametrize("model", ["convnext_atto", "mobilenetv3_small_050"])
def test_fused_maps_end_where_the_image_ends(model: str) -> None:
    backbone = build(context(), model=model, stride=8, fuse=True)
    sole = build(context(), model=model, stride=8)
    for h, w in ((64, 64), (70, 45), (33, 97)):
        x = torch.randn(1, 3, h, w)
        with torch.no_grad():
            maps = backbone.network.eval()(x)
        assert maps.shape == (1, backbone.channels, -(-h // 8), -(-w // 8))
    assert backbone.channels > sole.channels


def test_models_that_want_even_sides_get_them() -> None:
    torch.manual_seed(2)
    net = timm.create_model("dla34", features_only=True).eval()
    torch.manual_seed(2)
    network = build(context(), model="dla34").network.eval()
    x = torch.randn(1, 3, 70, 64)
    with torch.no_grad():
        with pytest.raises(RuntimeError):
            net(x)
        assert network(x).shape[-2:] == (3, 2)


def test_stages_of_a_sequence_can_be_frozen() -> None:
    network = build(context(), model="resnet10t", freeze=3).network
    frozen = {n.split(".")[1] for n, p in network.named_parameters() if not p.requires_grad}
    assert frozen == {"0", "1", "2"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "resnet19"}, "(?s)unknown model.*resnet1"),
        ({"model": "resnet18.a1_in1"}, "resnet18.a1_in1k"),
        ({"model": "vgg11", "dilate": True}, "gives no feature maps"),
        ({"model": "inception_v3"}, "(?s)inception_v3.*on images of 64x64.*image_size"),
    ],
    ids=str,
)
def test_models_that_cannot_serve(options: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build(context(), **options)  # type: ignore[arg-type]


def test_options_that_do_not_go_together() -> None:
    with pytest.raises(ValueError, match="plain sequence"):
        build(sized(64, 64), model="vit_tiny_patch16_224", fuse=True)
    with pytest.raises(ValueError, match="nor dilate with fuse"):
        build(context(), model="resnet10t", dilate=True, fuse=True)

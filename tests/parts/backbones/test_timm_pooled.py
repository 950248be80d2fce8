from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from handful.core.context import Context
from handful.core.recipe import Part
from handful.errors import RecipeError, WeightsError
from handful.models.network import Network
from handful.parts import registry
from handful.parts.backbones.timm_pooled import build, stage_count
from handful.training.optimizer import layer_depths
from tests.support.datasets import context
from tests.support.vision_transformer import ARGS, BLOCKS, MODEL, SIDE, WIDTH, make_transformer, write_transformer

SMALL: dict[str, Any] = {"embed_dim": 24, "depth": 4, "num_heads": 2}
TRANSFORMERS: dict[str, dict[str, Any]] = {  # each pools its tokens in another way
    "vit_small_patch14_dinov2": {},  # class token
    "vit_small_patch14_reg4_dinov2": {},  # and register tokens
    "vit_base_patch16_clip_224": {},  # and a norm before the blocks
    "vit_base_patch16_siglip_224": {},  # attention pooling, no class token
    "deit3_small_patch16_224": {},
    "vit_small_patch16_dinov3": {},  # rotary positions
    "eva02_tiny_patch14_224": {},  # mean of the patch tokens
}


def sized(h: int, w: int) -> Context:
    made = context()
    return replace(made, recipe=replace(made.recipe, image_size=(h, w)))


@pytest.mark.parametrize("model", TRANSFORMERS)
def test_vectors_of_a_transformer_in_five_stages_are_what_its_own_classifier_reads(model: str) -> None:
    side = 56 if "patch14" in model else 64
    torch.manual_seed(0)
    backbone = build(sized(side, side), model=model, args=SMALL, token="pooled")
    torch.manual_seed(0)
    net: Any = timm.create_model(model, num_classes=0, img_size=side, dynamic_img_size=False, **SMALL).eval()
    x = torch.randn(2, 3, side, side)
    with torch.no_grad():
        expected = net.forward_head(net.forward_features(x), pre_logits=True)
        torch.testing.assert_close(backbone.network.eval()(x)[:, :, 0, 0], expected)
    assert len(backbone.network.stages) == stage_count(model) == 5  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "model", ["swin_tiny_patch4_window7_224", "resnet10t", "convnext_atto", "mobilenetv3_small_050"]
)
def test_other_models_are_one_stage(model: str) -> None:
    torch.manual_seed(0)
    backbone = build(sized(64, 64), model=model)
    torch.manual_seed(0)
    fixed: dict[str, Any] = {"img_size": 64} if model.startswith("swin") else {}
    net: Any = timm.create_model(model, num_classes=0, **fixed).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = net.forward_head(net.forward_features(x), pre_logits=True)
        torch.testing.assert_close(backbone.network.eval()(x)[:, :, 0, 0], expected)
    assert backbone.channels == expected.shape[1]
    assert stage_count(model) == 1


def test_models_trained_without_labels_give_class_token_and_mean_of_the_patch_tokens() -> None:
    net = make_transformer()
    torch.manual_seed(0)
    backbone = build(sized(SIDE, SIDE), model=MODEL, args=ARGS)
    assert backbone.channels == 2 * WIDTH
    x = torch.randn(2, 3, SIDE, SIDE)
    with torch.no_grad():
        tokens = net.forward_features(x)
        expected = torch.cat([tokens[:, 0], tokens[:, 1:].mean(dim=1)], dim=1)
        torch.testing.assert_close(backbone.network.eval()(x)[:, :, 0, 0], expected)
    assert build(sized(SIDE, SIDE), model="vit_tiny_patch16_224", args=SMALL).channels == 24
    assert build(sized(64, 64), model="vit_base_patch16_siglip_224", args=SMALL).channels == 24  # no class token


def test_layer_decay_and_freezing_go_by_groups_of_blocks() -> None:
    backbone = build(sized(SIDE, SIDE), model=MODEL, args=ARGS, freeze=4)
    head = registry.build("heads", Part("linear", {"norm": "none"}), context("linear"), backbone=backbone)
    network = Network(backbone, head, context("linear").labels)
    names = dict(network.named_parameters())
    depths = layer_depths(network)
    assert depths[names["backbone.stages.0.net.patch_embed.proj.weight"]] == BLOCKS + 1
    assert [depths[names[f"backbone.stages.{i}.blocks.0.norm1.weight"]] for i in (1, 2, 3)] == [4, 3, 2]
    assert {n.split(".")[2] for n, p in names.items() if n.startswith("backbone") and p.requires_grad} == {"4"}
    x = torch.randn(2, 3, SIDE, SIDE)
    with torch.no_grad():
        network.eval()
        whole = network(x).features
        torch.testing.assert_close(network(x, network.frozen_maps(x)).features, whole)


def test_weights_of_a_file_are_loaded_and_positions_follow_the_image_size(tmp_path: Path) -> None:
    folder = write_transformer(tmp_path / "vit")
    path = f"{folder}/model.safetensors"
    net, x = make_transformer(), torch.randn(2, 3, SIDE, SIDE)
    backbone = build(sized(SIDE, SIDE), model=MODEL, args=ARGS, weights=path, token="pooled")
    with torch.no_grad():
        torch.testing.assert_close(
            backbone.network.eval()(x)[:, :, 0, 0], net.forward_head(net.forward_features(x), pre_logits=True)
        )
    larger = build(sized(40, 48), model=MODEL, args=ARGS, weights=path)
    state = larger.network.state_dict()
    assert state["stages.0.net.pos_embed"].shape == (1, 1 + 5 * 6, WIDTH)
    torch.testing.assert_close(state["stages.1.blocks.0.attn.qkv.weight"], net.blocks[0].attn.qkv.weight)


def test_a_checkpoint_with_a_classifier_and_one_of_another_model(tmp_path: Path) -> None:
    net = timm.create_model("resnet10t", num_classes=7)
    save_file(net.state_dict(), tmp_path / "mine.safetensors")
    backbone = build(context(), model="resnet10t", weights=str(tmp_path / "mine.safetensors"))
    state = backbone.network.state_dict()
    assert torch.equal(state["stages.0.net.layer1.0.conv1.weight"], net.state_dict()["layer1.0.conv1.weight"])
    with pytest.raises(WeightsError, match="belong to another network"):
        build(context(), model="resnet14t", weights=str(tmp_path / "mine.safetensors"))
    with pytest.raises(WeightsError, match="belong to another network"):
        build(sized(32, 32), model=MODEL, args=ARGS, weights=str(tmp_path / "mine.safetensors"))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"model": "resnet19"}, RecipeError, "(?s)unknown model.*resnet1"),
        ({"model": MODEL}, RecipeError, r"(?s)one image size.*image_size"),
        ({"model": "resnet10t", "args": {"checkpoint_path": "x"}}, ValueError, "args takes .*not 'checkpoint_path'"),
        ({"model": "resnet10t", "args": {"embed_dim": 10**9}}, ValueError, "from 0 to 16384"),
        ({"model": MODEL, "args": {"depth": 10**6}}, ValueError, "from 0 to 1000"),
        ({"model": "resnet10t", "args": {"depth": 3}}, RecipeError, "cannot be built"),
        ({"model": "resnet10t", "pretrained": True, "weights": "x"}, ValueError, "cannot be combined"),
    ],
    ids=str,
)
def test_what_cannot_be_built_is_one_error(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build(context(), **options)

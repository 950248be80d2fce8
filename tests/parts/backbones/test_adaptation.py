from typing import Any, get_args

import pytest
import torch
from torch import nn

from handful.core.recipe import Part
from handful.errors import RecipeError
from handful.models.base_weights import base_names
from handful.parts import registry
from handful.parts.backbones import _adaptation
from handful.parts.backbones._adaptation import AdaptationOptions, AdaptedMlp, linear_layers
from tests.parts.backbones.test_timm_pooled import SMALL, TRANSFORMERS, sized

pytest.importorskip("peft")
METHODS = get_args(_adaptation.Method)
CONVNET: dict[str, Any] = {"depths": (1, 1, 1, 1), "dims": (8, 8, 8, 8)}


def build(model: str, **options: Any) -> nn.Module:
    side = 56 if "patch14" in model else 64
    args = CONVNET if model.startswith("convnext") else SMALL
    torch.manual_seed(0)
    part = Part("timm_pooled", {"model": model, "args": args, **options})
    network: nn.Module = registry.build("backbones", part, sized(side, side)).network
    return network


def images(model: str) -> torch.Tensor:
    side = 56 if "patch14" in model else 64
    return torch.randn((2, 3, side, side), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("model", [*TRANSFORMERS, "convnext_atto"])
@pytest.mark.parametrize("method", ["lora", "adapter"])
def test_an_adapted_network_starts_as_the_pretrained_one_and_only_what_is_added_learns(model: str, method: str) -> None:
    plain, adapted = build(model).eval(), build(model, adapt=method)
    x = images(model)
    with torch.no_grad():
        torch.testing.assert_close(adapted.eval()(x), plain(x), atol=1e-5, rtol=1e-5)
    learnt = {name: p for name, p in adapted.named_parameters() if p.requires_grad}
    assert all("lora_" in name or ".adapter." in name for name in learnt)
    optimizer = torch.optim.SGD(learnt.values(), lr=0.1)
    for _ in range(2):  # in the first step one of the two factors is 0, and so is the other's gradient
        optimizer.zero_grad()
        adapted.train()(x).square().sum().backward()
        optimizer.step()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in learnt.values())
    before, after = plain.state_dict(), adapted.state_dict()
    same = [n for n in before if n in after]
    assert all(torch.equal(before[n], after[n]) for n in same)


def test_frozen_stages_are_not_adapted() -> None:
    network = build("vit_small_patch14_dinov2", adapt="adapter", freeze=3, bottleneck=5)
    learnt = [name for name, p in network.named_parameters() if p.requires_grad]
    assert {name.split(".")[1] for name in learnt} == {"3", "4"}
    assert network.state_dict()["stages.3.blocks.0.mlp.adapter.down.weight"].shape == (5, 24)
    assert network.split == 3
    with pytest.raises(RecipeError, match="freeze leaves none"):
        build("vit_small_patch14_dinov2", adapt="lora", freeze="all")


def test_the_rank_and_its_factor_are_those_of_the_recipe() -> None:
    network = build("convnext_atto", adapt="lora", rank=3, alpha=6)
    state = network.state_dict()
    assert state["stages.0.net.stages.0.blocks.0.mlp.fc1.lora_A.default.weight"].shape == (3, 8, 1, 1)
    layer: Any = network.get_submodule("stages.0.net.stages.0.blocks.0.mlp.fc1")
    assert layer.scaling["default"] == 2


def test_layers_whose_weight_is_read_elsewhere_are_left_out() -> None:
    names = linear_layers(build("eva02_tiny_patch14_224"))
    assert not any(name.endswith("qkv") for name in names)
    assert any(name.endswith("fc1_g") or name.endswith("fc1") for name in names)
    assert linear_layers(build("vit_small_patch14_dinov2"))[0].endswith("qkv")


def test_an_adapter_adds_a_tenth_of_its_bottleneck() -> None:
    class Mlp(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc2 = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.fc2(x)
            return out

    adapted = AdaptedMlp(Mlp(), 2)
    nn.init.normal_(adapted.adapter.up.weight)
    x = torch.randn(3, 5, 4)
    down: Any = adapted.adapter.down
    up: Any = adapted.adapter.up
    inner = (x @ down.weight.T + down.bias).clamp(min=0)
    torch.testing.assert_close(adapted(x), adapted.mlp(x) + 0.1 * (inner @ up.weight.T + up.bias))


@pytest.mark.parametrize(
    ("model", "method", "message"),
    [
        ("resnet10t", "lora", "(?s)resnet10t has no linear layers.*ConvNeXt"),
        ("nf_resnet26", "adapter", "(?s)has no MLPs.*fine-tuned"),
        ("convnext_atto", "prompt", "(?s)is not a plain transformer.*use a vision transformer, such"),
        ("convnext_atto", "dynamic_prompt", "prompts are tokens of one"),
    ],
)
def test_a_model_that_cannot_be_adapted_is_one_error(model: str, method: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        registry.build("backbones", Part("timm_pooled", {"model": model, "adapt": method}), sized(64, 64))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"adapt": "adapter", "rank": 4}, 'rank is an option of adapt = "lora"'),
        ({"bottleneck": 4}, 'option of adapt = "adapter" or "dynamic_prompt"'),
        ({"adapt": "lora", "rank": 0}, "rank must be above 0"),
        ({"adapt": "prompt", "prompts": 10**6}, "at most 4096"),
    ],
)
def test_options_out_of_range_or_of_another_method(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdaptationOptions(**options)


def test_lora_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_adaptation, "find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r"(?s)needs peft.*handful\[peft\]"):
        build("vit_small_patch14_dinov2", adapt="lora")
    assert build("vit_small_patch14_dinov2", adapt="adapter") is not None


@pytest.mark.parametrize("method", METHODS)
def test_without_pretrained_weights_nothing_is_left_out_of_a_saved_model(method: str) -> None:
    assert base_names(build("vit_small_patch14_dinov2", adapt=method)) == frozenset()

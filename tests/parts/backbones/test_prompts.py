from typing import Any

import pytest
import torch
from torch import nn

from handful.parts.backbones._adaptation import Bottleneck
from handful.parts.backbones._prompts import DynamicMlp, Prompt
from tests.parts.backbones.test_adaptation import build, images
from tests.parts.backbones.test_timm_pooled import TRANSFORMERS

KINDS = ("prompt", "shallow_prompt", "dynamic_prompt")


@pytest.mark.parametrize("model", TRANSFORMERS)
@pytest.mark.parametrize("kind", KINDS)
def test_prompts_change_the_features_and_all_of_them_learn(model: str, kind: str) -> None:
    network = build(model, adapt=kind, prompts=3)
    learnt = {name: p for name, p in network.named_parameters() if p.requires_grad}
    tokens = [p for name, p in learnt.items() if name.endswith("tokens")]
    assert [tuple(p.shape) for p in tokens] == [(1, 3, 24)] * (4 if kind == "prompt" else 1)  # four blocks
    optimizer = torch.optim.SGD(learnt.values(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        network(images(model)).square().sum().backward()
        optimizer.step()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in learnt.values())


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_a_batch_are_kept_apart(kind: str) -> None:
    network, x = build("vit_small_patch16_dinov3", adapt=kind).eval(), images("vit_small_patch16_dinov3")
    with torch.no_grad():
        torch.testing.assert_close(network(x)[:1], network(x[:1]), atol=1e-5, rtol=1e-5)


def test_prompts_begin_behind_the_stages_that_are_frozen() -> None:
    network: Any = build("vit_small_patch14_dinov2", adapt="prompt", freeze=3)
    assert {n.split(".")[1] for n, p in network.named_parameters() if p.requires_grad} == {"3", "4"}
    x = images("vit_small_patch14_dinov2")
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(x), network.rest(network.frozen(x)))


def test_what_is_pooled_of_dynamic_prompts_is_the_mean_of_class_token_and_prompts() -> None:
    network: Any = build("vit_base_patch16_clip_224", adapt="dynamic_prompt", prompts=2).eval()
    x = images("vit_base_patch16_clip_224")
    with torch.no_grad():
        maps = x
        for stage in [*network.stages[:-1], network.stages[-1][0]]:
            maps = stage(maps)
        tokens = network.stages[-1][1].norm(maps.squeeze(-1).transpose(1, 2))
        torch.testing.assert_close(network(x)[:, :, 0, 0], tokens[:, :3].mean(dim=1))
    assert tokens.shape[1] == 1 + 2 + 16
    with pytest.raises(Exception, match="token cannot be combined"):
        build("vit_base_patch16_clip_224", adapt="dynamic_prompt", token="pooled")


def test_later_prompts_take_the_place_of_earlier_ones() -> None:
    tokens = torch.arange(10.0).view(1, 5, 2)
    first = Prompt(2, 2, prefix=1, bound=0.1, replaces=False)
    later = Prompt(2, 2, prefix=1, bound=0.1, replaces=True)
    with torch.no_grad():
        one, two = first(tokens), later(first(tokens))
    assert one.shape == two.shape == (1, 7, 2)
    assert torch.equal(two[:, 1:3], later.tokens)
    for made in (one, two):
        assert torch.equal(torch.cat([made[:, :1], made[:, 3:]], dim=1), tokens)


def test_dynamic_prompts_attend_to_the_tokens_of_their_image() -> None:
    torch.manual_seed(0)
    bottleneck = Bottleneck(4, 3, torch.relu, pointwise=False)
    nn.init.normal_(bottleneck.up.weight)
    gate = nn.Parameter(torch.tensor([0.7]))
    layer = DynamicMlp(nn.Identity(), bottleneck, gate, prompts=2, prefix=1)
    x = torch.randn(2, 6, 4)
    expected = []
    for tokens in x:
        others = [t for i, t in enumerate(tokens) if i not in (1, 2)]
        rows = []
        for i, token in enumerate(tokens):
            if i in (1, 2):
                weights = torch.stack([token @ other / 2 for other in others]).softmax(dim=0)  # 2: the root of 4
                token = sum((w * other for w, other in zip(weights, others, strict=True)), torch.zeros(4))
            rows.append(tokens[i] + 0.7 * bottleneck(token))
        expected.append(torch.stack(rows))
    torch.testing.assert_close(layer(x), torch.stack(expected))

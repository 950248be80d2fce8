from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from handful.core.context import Task
from handful.core.tensors import Backbone
from handful.errors import WeightsError
from handful.parts.backbones.wide_resnet import Block, build
from handful.parts.heads import linear, segmentation
from tests.support.datasets import context


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def by_hand(depth: int, width: int, bias: bool) -> int:
    """Weights of convolutions, their biases, and two numbers per normalised channel."""

    def conv(a: int, b: int, side: int) -> int:
        return a * b * side * side + (b if bias else 0)

    total, channels = conv(3, 16, 3), 16
    for out in (16 * width, 32 * width, 64 * width):
        for i in range((depth - 4) // 6):
            total += 2 * channels + conv(channels, out, 3) + 2 * out + conv(out, out, 3)
            if i == 0 and channels != out:
                total += conv(channels, out, 1)
            channels = out
    return total


def test_28_10_has_the_published_36_5_million_parameters_and_takes_a_step() -> None:
    backbone = build(context())
    head = linear.build(context(classes=tuple("abcdefghij")), backbone=backbone)
    without_biases = parameters(backbone.network) - sum(
        m.bias.numel() for m in backbone.network.modules() if isinstance(m, nn.Conv2d) and m.bias is not None
    )
    assert parameters(backbone.network) == by_hand(28, 10, bias=True)
    assert without_biases == by_hand(28, 10, bias=False)
    # Table 4 of the wide-residual paper: 36.5 M on CIFAR-10.
    assert round((without_biases + parameters(head)) / 1e6, 1) == 36.5

    made = context()
    segment = segmentation.build(made, backbone=backbone)
    network = nn.ModuleList([backbone.network, segment]).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    before = [p.detach().clone() for p in list(network.parameters())[:3]]
    output = segment(backbone.network(torch.randn(2, 3, 8, 8)), size=(8, 8), compare=made.labels.logits)
    output.pixels.logsumexp(dim=1).mean().backward()
    optimizer.step()
    assert all(p.isfinite().all() for p in network.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=False))


@pytest.mark.parametrize(("depth", "width"), [(10, 1), (16, 2), (22, 3)])
def test_parameters_by_hand(depth: int, width: int) -> None:
    assert parameters(build(context(), depth=depth, width=width).network) == by_hand(depth, width, bias=True)


def test_a_block_is_its_formula() -> None:
    torch.manual_seed(0)
    block = Block(3, 4, stride=2, dropout=0.5, norm="batch").eval()
    x = torch.randn(2, 3, 7, 6)
    y = block.conv1(torch.relu(block.norm1(x)))
    expected = block.conv2(torch.relu(block.norm2(y))) + block.shortcut(x)
    torch.testing.assert_close(block(x), expected)
    assert block(x).shape == (2, 4, 4, 3)
    same = Block(4, 4, stride=1, dropout=0.0, norm="batch")
    assert isinstance(same.shortcut, nn.Identity)


def test_dropout_acts_in_training_only() -> None:
    backbone: Backbone = build(context(), depth=10, width=1, dropout=0.5, norm="group")
    x = torch.randn(2, 3, 8, 8)
    assert not torch.equal(backbone.network.train()(x), backbone.network(x))
    assert torch.equal(backbone.network.eval()(x), backbone.network(x))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 17}, "6 n"),
        ({"depth": 4}, "6 n"),
        ({"width": 0}, "width"),
        ({"dropout": 1.0}, "dropout"),
        ({"strides": (1, 2, 3)}, "strides"),
    ],
    ids=str,
)
def test_refused_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(context(), **options)  # type: ignore[arg-type]


def test_auto_norm_follows_the_images_per_class() -> None:
    def norms(count: int) -> set[str]:
        few = replace(context(), task=Task(("a", "b"), np.array([count, count])))
        network = build(few, depth=10, width=1, norm="auto").network
        return {type(m).__name__ for m in network.modules() if "Norm" in type(m).__name__}

    assert norms(1) == {"GroupNorm"}
    assert norms(5) == {"BatchNorm2d"}


def test_starts_from_a_checkpoint_or_says_why_not(tmp_path: Path) -> None:
    source = build(context(), depth=10, width=1).network
    save_file(source.state_dict(), tmp_path / "wrn.safetensors")
    copy = build(context(), depth=10, width=1, weights=str(tmp_path / "wrn.safetensors")).network
    assert all(torch.equal(a, b) for a, b in zip(source.state_dict().values(), copy.state_dict().values(), strict=True))
    with pytest.raises(WeightsError, match="wrn"):
        build(context(), depth=10, width=2, weights=str(tmp_path / "wrn.safetensors"))

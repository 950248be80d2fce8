from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from handful.parts.backbones._convolution import ConvolutionFactory
from handful.parts.backbones._resnext_block import BlockConfig, BlurPool, ResidualBlock, bottleneck, make_stem

PLAIN = BlockConfig(
    dual=False,
    selective=False,
    anti_alias=False,
    groups=4,
    lambda_per="batch",
    norm="batch",
    convolutions=ConvolutionFactory(),
)


@torch.no_grad()
def test_blur_is_the_binomial_average_of_each_channel() -> None:
    x = torch.randn(1, 2, 5, 4)
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    expected = np.zeros((1, 2, 3, 2), np.float32)
    for c in range(2):
        for i in range(3):
            for j in range(2):
                expected[0, c, i, j] = (padded[0, c, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] * kernel).sum()
    np.testing.assert_allclose(BlurPool(2)(x).numpy(), expected, atol=1e-6)
    assert BlurPool(2)(x.bfloat16()).dtype == torch.bfloat16
    assert BlurPool(2)(x[..., :1, :1]).shape == (1, 2, 1, 1)


@torch.no_grad()
@pytest.mark.parametrize("anti_alias", [False, True])
def test_a_block_is_relu_of_shortcut_plus_bottleneck(anti_alias: bool) -> None:
    torch.manual_seed(0)
    block = ResidualBlock(8, 16, 32, stride=2, config=replace(PLAIN, anti_alias=anti_alias)).eval()
    layers, shortcut = list(block.residual.children()), list(block.shortcut.children())
    x = torch.randn(2, 8, 6, 6)
    y = torch.relu(layers[1](layers[0](x)))
    y = torch.relu(layers[4](layers[3](y)))
    projected = x
    if anti_alias:
        y, projected = layers[6](y), shortcut[0](x)
    expected = torch.relu(layers[-1](layers[-2](y)) + shortcut[-1](shortcut[-2](projected)))
    torch.testing.assert_close(block(x), expected)
    assert block(x).shape == (2, 32, 3, 3)
    assert isinstance(ResidualBlock(32, 16, 32, stride=1, config=PLAIN).shortcut, nn.Identity)


def test_groups_none_is_depthwise() -> None:
    unit = bottleneck(8, 16, 32, stride=1, config=replace(PLAIN, groups=None))
    assert [m.groups for m in unit.modules() if isinstance(m, nn.Conv2d)] == [1, 16, 1]


@torch.no_grad()
@pytest.mark.parametrize("anti_alias", [False, True])
def test_stems_divide_the_image_by_4_or_by_1(anti_alias: bool) -> None:
    config, x = replace(PLAIN, anti_alias=anti_alias), torch.randn(2, 3, 32, 24)
    assert make_stem(8, "imagenet", config)(x).shape == (2, 8, 8, 6)
    assert make_stem(8, "small", config)(x).shape == (2, 8, 32, 24)

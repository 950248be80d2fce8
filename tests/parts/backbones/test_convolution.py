from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.fft import dct
from scipy.signal import correlate2d
from torch import nn

from handful.parts.backbones._convolution import (
    ConvolutionFactory,
    HarmonicConv2d,
    Layers,
    check_choices,
    dct_filters,
    pad_shortcut,
)
from handful.parts.backbones.wide_resnet import build
from tests.support.datasets import context


def images(n: int = 2, channels: int = 3, h: int = 8, w: int = 7) -> torch.Tensor:
    return torch.randn((n, channels, h, w), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("side", [3, 5, 7])
def test_filters_are_scipys_orthonormal_dct(side: int) -> None:
    filters = dct_filters(side).flatten(1)
    rows = dct(np.eye(side), axis=0, norm="ortho")
    np.testing.assert_allclose(filters.numpy(), np.kron(rows, rows), atol=1e-6)
    torch.testing.assert_close(filters @ filters.T, torch.eye(side**2), rtol=0, atol=1e-6)


def test_high_frequencies_are_left_out() -> None:
    whole, few = dct_filters(3), dct_filters(3, 2)
    assert torch.equal(few, whole[[0, 1, 3]])  # (0, 0), (0, 1), (1, 0)
    assert len(dct_filters(3, 3)) == 6
    assert torch.equal(dct_filters(3, 5), whole)


@pytest.mark.parametrize("groups", [1, 3])
def test_harmonic_is_a_plain_convolution_with_composed_weights(groups: int) -> None:
    torch.manual_seed(0)
    layer = ConvolutionFactory("harmonic").convolution(3, 6, 3, stride=2, groups=groups, bias=True)
    assert isinstance(layer, HarmonicConv2d)
    assert layer.bias is not None
    nn.init.normal_(layer.bias)
    by_hand = torch.zeros(6, 3 // groups, 3, 3)
    for out in range(6):
        for channel in range(3 // groups):
            for f, kernel in enumerate(dct_filters(3)):
                by_hand[out, channel] += layer.weight[out, channel, f].detach() * kernel
    plain = F.conv2d(images(), by_hand, layer.bias, stride=2, padding=1, groups=groups)
    torch.testing.assert_close(layer(images()), plain)
    assert layer.weight.numel() == nn.Conv2d(3, 6, 3, groups=groups).weight.numel()


@pytest.mark.parametrize("groups", [1, 3])
def test_first_layer_standardises_the_responses(groups: int) -> None:
    """The published block step by step: every channel with every filter, batch norm, a 1x1 convolution."""
    torch.manual_seed(0)
    layer = ConvolutionFactory("harmonic").convolution(3, 6, 3, groups=groups, first=True)
    assert isinstance(layer, HarmonicConv2d)
    filters = dct_filters(3)
    responses = [F.conv2d(images()[:, c : c + 1], f[None, None], padding=1) for c in range(3) for f in filters]
    normed = [(r - r.mean()) / (r.var(correction=0) + 1e-5).sqrt() for r in responses]
    expected = []
    for out in range(6):
        group = out // (6 // groups)
        own = normed[group * 27 // groups : (group + 1) * 27 // groups]
        expected.append(sum(w * r for w, r in zip(layer.weight[out].flatten(), own, strict=True)))
    torch.testing.assert_close(layer.train()(images()), torch.cat(expected, dim=1), rtol=1e-4, atol=1e-5)


def test_full_padding_is_scipys_and_cannot_tell_where_the_border_is() -> None:
    full, same = (ConvolutionFactory(padding=p).convolution(1, 1, 3) for p in ("full", "same"))
    assert isinstance(full, nn.Conv2d)
    assert isinstance(same, nn.Conv2d)
    x = images(1, 1)
    expected = correlate2d(x[0, 0].numpy(), full.weight[0, 0].detach().numpy(), mode="full")
    np.testing.assert_allclose(full(x)[0, 0].detach().numpy(), expected, atol=1e-6)
    sums: dict[str, set[float]] = {"full": set(), "same": set()}
    for at in (0, 3, 7):
        point = torch.zeros(1, 1, 8, 8)
        point[..., at, at] = 1
        sums["full"].add(round(full(point).sum().item(), 5))
        sums["same"].add(round(same(point).sum().item(), 5))
    assert len(sums["full"]) == 1
    assert len(sums["same"]) == 3


def test_shortcuts_are_padded_to_match() -> None:
    torch.testing.assert_close(pad_shortcut(images(), 1), F.pad(images(), (1, 1, 1, 1)))
    assert pad_shortcut(images(), 0).shape == images().shape
    identity = torch.zeros(1, 1, 3, 3)
    identity[..., 1, 1] = 1
    grown = F.conv2d(F.conv2d(images(1, 1), identity, padding=2), identity, padding=2, stride=2)
    torch.testing.assert_close(grown, pad_shortcut(images(1, 1), 2)[..., ::2, ::2])


def test_a_wide_resnet_grows_by_two_cells_a_layer() -> None:
    same, full = (build(context(), depth=10, width=1, padding=p).network.eval() for p in ("same", "full"))
    assert list(same.state_dict()) == list(full.state_dict())
    assert isinstance(same, Layers)
    assert isinstance(full, Layers)
    assert [same.grows, full.grows] == [False, True]
    side = 16 + 2 + 4  # the first layer and the first block
    for _ in range(2):
        side = (side + 4 + 1) // 2
    assert full(images(1, 3, 16, 16)).shape == (1, 64, side, side)


def test_harmonic_wide_resnet_has_as_many_weights_and_standardises_images_only() -> None:
    plain, harmonic = (build(context(), depth=10, width=1, convolution=k).network for k in ("plain", "harmonic"))
    assert sum(p.numel() for p in plain.parameters()) == sum(p.numel() for p in harmonic.parameters())
    layers = [m for m in harmonic.modules() if isinstance(m, HarmonicConv2d)]
    assert [m.norm is not None for m in layers] == [True] + [False] * 6
    assert not any("filters" in name for name in harmonic.state_dict())


def test_plain_networks_have_the_names_that_saved_models_have() -> None:
    names = list(build(context(), depth=10, width=1).network.state_dict())
    assert names[:2] == ["0.weight", "0.bias"]
    assert {n.split(".", 1)[1].rsplit(".", 1)[0] for n in names[2:]} == {"norm1", "conv1", "norm2", "conv2", "shortcut"}


@pytest.mark.parametrize("options", [{"harmonics": 2}, {"kind": "harmonic", "harmonics": 0}], ids=str)
def test_refused_harmonics(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="harmonics must be a number from 1"):
        ConvolutionFactory(**options)


@pytest.mark.parametrize("words", [("fourier", "same"), ("plain", "valid")])
def test_refused_words(words: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="plain or harmonic and padding same or full"):
        check_choices(*words)

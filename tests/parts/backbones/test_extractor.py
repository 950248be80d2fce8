from typing import Any

import timm
import torch

from handful.parts.backbones._extractor import LastMap, PadToStride, sequential_modules, split_stages


def test_pad_repeats_the_edge() -> None:
    x = torch.arange(6.0).view(1, 1, 2, 3)
    padded = PadToStride(4)(x)
    assert padded.shape == (1, 1, 4, 4)
    assert padded[0, 0, 3].tolist() == [3, 4, 5, 5]
    assert PadToStride(1)(x) is x


@torch.no_grad()
def test_stages_end_at_the_maps_of_the_extractor() -> None:
    net: Any = timm.create_model("resnet10t", features_only=True).eval()
    stages = split_stages(net, stride=None)
    x = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    maps = net(x)
    assert [stage.channels for stage in stages] == list(net.feature_info.channels())
    assert [stage.stride for stage in stages] == list(net.feature_info.reduction())
    for stage, expected in zip(stages, maps, strict=True):
        x = stage.module(x)
        assert torch.equal(x, expected)


@torch.no_grad()
def test_an_extractor_that_is_not_a_sequence_is_one_stage_cropped_to_the_image() -> None:
    net = timm.create_model("swin_tiny_patch4_window7_224", features_only=True, img_size=(64, 96)).eval()
    assert sequential_modules(net) is None
    (stage,) = split_stages(net, stride=None)
    assert isinstance(stage.module, LastMap)
    assert (stage.channels, stage.stride) == (768, 32)
    x = torch.randn(1, 3, 64, 70, generator=torch.Generator().manual_seed(0))
    expected = net(PadToStride(32)(x))[-1].permute(0, 3, 1, 2)
    torch.testing.assert_close(stage.module(x), expected[..., :2, :3])

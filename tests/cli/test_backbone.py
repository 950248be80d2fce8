"""A transformer and an image-text model of random weights, from the command line to the server."""

import csv
import threading
from pathlib import Path

import pytest

from handful.models import hub
from handful.saving.classifier import load_classifier
from tests.support.clip_model import write_clip
from tests.support.command_line import fails, ok, ok_json, run, write_images
from tests.support.datasets import CLASSES, squares
from tests.support.vision_transformer import write_transformer


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(squares(6), tmp_path_factory.mktemp("data") / "images")


@pytest.fixture(scope="module")
def backbones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("backbones")
    return {"vit": write_transformer(folder / "vit"), "clip": write_clip(folder / "clip", CLASSES)}


@pytest.mark.parametrize("kind", ["vit", "clip"])
def test_a_backbone_of_ones_own_goes_from_fit_to_the_server(
    kind: str, images: Path, backbones: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("fastapi")
    client = pytest.importorskip("starlette.testclient")
    from handful.deployment.server.app import create_app
    from handful.deployment.server.limits import Limits
    from handful.models.load_onnx import load_onnx

    model, onnx = tmp_path / "model", tmp_path / "model.onnx"
    ok("fit", images, "-r", "logistic", "--backbone", backbones[kind], "-o", model, "--device", "cpu")
    classifier = load_classifier(model)
    assert classifier.recipe.name == f"logistic@{kind}"
    said = ok_json("evaluate", images, "-r", "knn", "--backbone", backbones[kind], "--folds", 2, "--device", "cpu")
    assert said["recipe"] == f"knn@{kind}"
    ok("predict", model, images, "--out", tmp_path / "p.csv")
    ok("export", model, "--out", onnx)
    ok("predict", onnx, images, "--out", tmp_path / "o.csv")
    tables = [list(csv.DictReader((tmp_path / name).open())) for name in ("p.csv", "o.csv")]
    for row, other in zip(*tables, strict=True):
        assert [float(row[f"p_{c}"]) for c in CLASSES] == pytest.approx(
            [float(other[f"p_{c}"]) for c in CLASSES], abs=0.02
        )
    file = next(images.rglob("*.png"))
    with client.TestClient(create_app(load_onnx(onnx), limits=Limits()), base_url="http://127.0.0.1") as page:
        reply = page.post("/predict", files={"image": (file.name, file.read_bytes(), "image/png")})
    assert reply.status_code == 200
    assert set(reply.json()["probabilities"]) == set(CLASSES)


def test_backbones_are_compared_on_the_same_draws_with_the_controls_of_each(
    images: Path, backbones: dict[str, str], tmp_path: Path
) -> None:
    arguments = ("--trials", 1, "--folds", 2, "--jobs", 1, "--device", "cpu", "-o", tmp_path / "c")
    said = ok_json("compare", images, "-r", "knn", "--backbone", ",".join(backbones.values()), *arguments)
    names = {entry["recipe"] for entry in said["levels"][0]["entries"]}
    assert {f"{recipe}@{b}" for recipe in ("knn", "logistic", "nearest-centroid") for b in backbones} <= names
    assert "classification@vit" in names
    assert "classification@clip" not in names  # a frozen encoder has no layers to train
    assert "knn" not in names


def test_run_takes_backbones_as_candidates(images: Path, backbones: dict[str, str], tmp_path: Path) -> None:
    arguments = ("--budget", "5s", "-o", tmp_path / "run", "--device", "cpu")
    said = ok_json("run", images, "--backbone", backbones["vit"], *arguments)
    considered = {entry["recipe"] for entry in (*said["tried"], *said["not_tried"])}
    assert considered >= {"logistic@vit", "nearest-centroid@vit", "fine-tuned@vit", "logistic-pixels"}
    assert not considered & {"logistic", "fine-tuned"}
    assert "this already exists" in " ".join(fails("run", images, *arguments).split())


def test_inspect_reads_the_features_of_a_backbone(images: Path, backbones: dict[str, str]) -> None:
    assert ok_json("inspect", images, "--backbone", backbones["vit"])["findings"] is not None
    assert "unknown backbone 'resnet81'" in fails("inspect", images, "--backbone", "resnet81")


def test_what_cannot_work_is_refused_before_anything_is_trained(images: Path, tmp_path: Path) -> None:
    out = ("-o", tmp_path / "x", "--device", "cpu")
    said = fails("fit", images, "-r", "cvs", "--backbone", "vit_tiny_patch16_224", *out)
    assert "gives no maps of 8 pixels a cell" in " ".join(said.split())
    assert "did you mean 'resnet18'" in fails("fit", images, "--backbone", "resnet81", *out)
    assert "cannot be trained further" in fails("sweep", images, "-r", "fine-tuned", "-b", "hog", "-o", tmp_path / "s")
    assert not (tmp_path / "x").exists()


def test_a_stronger_backbone_is_named_where_the_hub_answers_and_nobody_waits_for_it(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("compare", images, "-r", "logistic-pixels", "--no-controls", "--trials", 1, "--folds", 2, "--jobs", 1)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    waiting = threading.Event()
    for name, reach in (("yes", lambda: None), ("no", _refuse), ("silent", waiting.wait)):
        monkeypatch.setattr(hub, "reach", reach)
        said = run(*arguments, "--device", "cpu", "-o", tmp_path / name)
        assert said.exit_code == 0
        text = " ".join(said.stderr.split())
        assert ("--backbone lite0,vit_small_patch14_dinov2.lvd142m" in text) == (name == "yes"), said.stderr
        assert ("DINOv2 is stronger (some 90 MB to download)" in text) == (name == "yes")
        assert ("with --recipe logistic --recipe lora also adapts it" in text) == (name == "yes")
    waiting.set()


def _refuse() -> None:
    raise OSError("no network")

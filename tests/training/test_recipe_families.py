"""What a model of every recipe family (a backbone with a head) can do; a family that is new is tested unnamed."""

import csv
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.deployment.export.export import export_to
from handful.errors import HandfulWarning, RecipeError
from handful.models.load_onnx import load_onnx
from handful.models.saliency import saliency
from handful.reports.card_scores import update_card
from handful.reports.explanations import TABLE, explain_to
from handful.saving.classifier import load_classifier, save_classifier
from handful.saving.model_card import CARD
from handful.training.distil import distil_to
from handful.training.ensemble import ensemble_to
from handful.training.train import train
from tests.deployment.server.mean_color_model import image_file
from tests.support.clip_model import write_clip
from tests.support.datasets import CLASSES, recipe, squares
from tests.support.recipe_families import SIDE, cut_down, families

FAMILIES = families()
every = pytest.mark.parametrize("family", FAMILIES, ids="-".join)
STUDENT = recipe("linear", "steps=1", "name=student", f"image_size={SIDE}")
IMAGES: Dataset = squares(2, size=SIDE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text model, and a small model that is a teacher and a member."""
    folder = tmp_path_factory.mktemp("families")
    write_clip(folder / "clip", CLASSES)
    save_classifier(train(STUDENT, IMAGES, device="cpu", progress=False), folder / "other")
    return folder


def fit(family: tuple[str, str], folder: Path, out: Path) -> Recipe:
    """Train and save a model of the family at `out / "model"`."""
    cut = cut_down(FAMILIES[family], model=str(folder / "clip"))
    save_classifier(train(cut, IMAGES, device="cpu", progress=False), out / "model")
    return cut


@every
def test_it_is_explained_described_combined_and_distilled(
    family: tuple[str, str], folder: Path, tmp_path: Path
) -> None:
    cut, model = fit(family, folder, tmp_path), tmp_path / "model"
    classifier = load_classifier(model)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", HandfulWarning)
        checks = explain_to(classifier, IMAGES, tmp_path / "maps")
    with (tmp_path / "maps" / TABLE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert np.isfinite([checks.similar, *(float(row["probability"]) for row in rows)]).all()
    maps = np.stack([one.map for one in saliency(classifier, IMAGES.select([0, 2]))])
    assert np.isfinite(maps).all()
    assert bool(checks.constant) == any("constant" in str(warning.message) for warning in said)

    update_card(model, use="tests of recipe families")
    assert "tests of recipe families" in (model / CARD).read_text()

    both = ensemble_to(tmp_path / "both", [model, folder / "other"], device="cpu")
    mean = sum(load_classifier(m).probabilities(IMAGES) for m in (model, folder / "other")) / 2
    np.testing.assert_allclose(both.probabilities(IMAGES), mean, atol=1e-5)

    distil_to(tmp_path / "student", model, STUDENT, IMAGES, device="cpu")
    if cut.stages:
        distil_to(tmp_path / "taught", folder / "other", cut, IMAGES, device="cpu")
    else:
        with pytest.raises(RecipeError, match="cannot learn from a teacher"):
            distil_to(tmp_path / "taught", folder / "other", cut, IMAGES, device="cpu")


def exported_and_served(model: Path, graph: Path) -> None:
    """Export a saved model; the file and a server that runs it predict as the model does."""
    pytest.importorskip("onnxscript")
    pytest.importorskip("fastapi")
    testclient = pytest.importorskip("starlette.testclient")
    from handful.deployment.server.app import create_app
    from handful.deployment.server.limits import Limits

    export_to(graph, model)
    loaded = load_onnx(graph)
    wanted = load_classifier(model).probabilities(IMAGES)
    np.testing.assert_allclose(loaded.predict_all(IMAGES).probabilities, wanted, atol=1e-3)
    with testclient.TestClient(create_app(loaded, limits=Limits()), base_url="http://127.0.0.1") as client:
        reply = client.post("/predict", files={"image": ("a.png", image_file("red"), "image/png")})
    assert reply.status_code == 200
    assert sum(reply.json()["probabilities"].values()) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("head", sorted({head for backbone, head in FAMILIES if backbone != "image_text"}))
def test_every_head_is_exported_and_served_on_a_small_backbone(head: str, folder: Path, tmp_path: Path) -> None:
    name = next(name for family, name in FAMILIES.items() if family[1] == head)
    cut = replace(cut_down(name, model=str(folder / "clip")), cache_views=0)
    backbone = recipe().backbone
    stages = tuple(replace(stage, trainable="all", reset=()) for stage in cut.stages)
    small = replace(cut, backbone=backbone, stages=stages)
    save_classifier(train(small, IMAGES, device="cpu", progress=False), tmp_path / "model")
    exported_and_served(tmp_path / "model", tmp_path / "model.onnx")


@pytest.mark.slow
@every
def test_it_is_exported_and_served(family: tuple[str, str], folder: Path, tmp_path: Path) -> None:
    fit(family, folder, tmp_path)
    exported_and_served(tmp_path / "model", tmp_path / "model.onnx")

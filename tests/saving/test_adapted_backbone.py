"""Adapted models, from training to a saved folder and back: the pretrained weights stay where they are."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from handful.core.recipe import Recipe
from handful.deployment.export.export import export_to
from handful.errors import HandfulWarning, ModelError, RecipeError, WeightsError
from handful.evaluation.evaluate import evaluate
from handful.evaluation.protocol import Protocol
from handful.models.base_weights import base_weights
from handful.models.load_onnx import load_onnx
from handful.recipes.backbones import choose_backbone
from handful.recipes.load import load_recipe
from handful.saving.adapted_backbone import FILE, stored_backbones
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.convnet import write_convnet
from tests.support.datasets import squares
from tests.support.resume import stopped_and_resumed
from tests.support.vision_transformer import SIDE, write_transformer

pytest.importorskip("peft")
IMAGES, OTHERS = squares(4, size=SIDE), squares(3, size=SIDE, seed=5)
ADAPTED = [("lora", "vit"), ("adapter", "vit"), ("visual-prompt", "vit"), ("dynamic-prompt", "vit")]
ADAPTED += [("lora", "convnet"), ("adapter", "convnet")]


def write(kind: str, folder: Path, seed: int = 0) -> str:
    return write_transformer(folder, seed, init_values=1.0) if kind == "vit" else write_convnet(folder, seed)


def adapted(name: str, backbone: str, *overrides: str) -> Recipe:
    return load_recipe(name, backbone=backbone, overrides=("steps=40", "lr=0.02", "batch_size=6", *overrides))


@pytest.mark.parametrize(("name", "kind"), ADAPTED)
def test_a_saved_model_has_what_was_learnt_and_the_digest_of_what_was_not(name: str, kind: str, tmp_path: Path) -> None:
    classifier = train(adapted(name, write(kind, tmp_path / kind)), IMAGES, device="cpu", progress=False)
    expected = classifier.probabilities(OTHERS)
    assert (expected.argmax(axis=1) == OTHERS.labels).mean() > 0.6
    folder = save_classifier(classifier, tmp_path / "model")
    stored = load_file(folder / "weights.safetensors")
    assert not any(n.endswith(("qkv.weight", "fc1.weight", "base_layer.weight")) for n in stored)
    (pretrained,) = json.loads((folder / "classes.json").read_text())["pretrained"]
    assert pretrained["model"] == base_weights(classifier.network)["backbone."].model
    loaded = load_classifier(folder)
    np.testing.assert_array_equal(loaded.probabilities(OTHERS), expected)
    again = save_classifier(loaded, tmp_path / "again")
    assert load_file(again / "weights.safetensors").keys() == stored.keys()
    assert f"{pretrained['model']}, not in this folder" in (folder / "CARD.md").read_text()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model with its backbone in a folder beside it."""
    root = tmp_path_factory.mktemp("adapted")
    recipe = adapted("adapter", write("vit", root / "vit"), "steps=3")
    return save_classifier(train(recipe, IMAGES, device="cpu", progress=False), root / "model")


def test_without_its_backbone_a_model_says_where_to_put_it(model: Path, tmp_path: Path) -> None:
    expected = load_classifier(model).probabilities(OTHERS)
    shutil.copytree(model, tmp_path / "model")
    (model.parent / "vit").rename(tmp_path / "vit")
    try:
        with pytest.raises(ModelError, match=f"(?s)adapts vit_small.*not in its folder.*no such file.*{FILE}.*vit/"):
            load_classifier(tmp_path / "model")
    finally:
        (tmp_path / "vit").rename(model.parent / "vit")
    shutil.copy(model.parent / "vit" / "model.safetensors", tmp_path / "model" / FILE)
    np.testing.assert_array_equal(load_classifier(tmp_path / "model").probabilities(OTHERS), expected)
    save_classifier(load_classifier(model), tmp_path / "model", overwrite=True)  # the file is no reason to refuse
    write("vit", tmp_path / "other", seed=1)
    shutil.copy(tmp_path / "other" / "model.safetensors", tmp_path / "model" / FILE)
    with pytest.raises(ModelError, match=f"(?s)adapts vit_small.*weights here are others.*digest.*{FILE}"):
        load_classifier(tmp_path / "model")
    write("convnet", tmp_path / "convnet")
    shutil.copy(tmp_path / "convnet" / "model.safetensors", tmp_path / "model" / FILE)
    with pytest.raises(ModelError, match=r"cannot be loaded .*another network"):
        load_classifier(tmp_path / "model")


def test_a_damaged_list_of_backbones_is_a_damaged_model(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "model")
    described = json.loads((model / "classes.json").read_text())
    for wrong in ("x", [{"model": 3, "digest": "a"}], [{"model": "a"}], []):
        (tmp_path / "model" / "classes.json").write_text(json.dumps({**described, "pretrained": wrong}))
        with pytest.raises(ModelError, match="damaged or foreign"):
            load_classifier(tmp_path / "model")
    with pytest.raises(ValueError, match="too many"):
        stored_backbones([{"model": "a", "digest": "b"}] * 2000)


def test_an_adapted_model_is_no_backbone_of_another(model: Path) -> None:
    with pytest.raises(WeightsError, match=r"(?s)cannot be taken over.*name the backbone"):
        choose_backbone(str(model))


@pytest.mark.parametrize("name", ["lora", "dynamic-prompt"])
def test_training_that_is_stopped_and_resumed_is_as_never_stopped(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = adapted(name, write("vit", tmp_path / "vit"), "steps=6")
    whole = train(recipe, IMAGES, device="cpu", progress=False).network.state_dict()
    resumed = stopped_and_resumed(recipe, IMAGES, tmp_path / "run", monkeypatch, at=4).network.state_dict()
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(value, resumed[key]) for key, value in whole.items())


@pytest.mark.parametrize(
    ("name", "kind"), [ADAPTED[0], *(pytest.param(*pair, marks=pytest.mark.slow) for pair in (ADAPTED[3], ADAPTED[5]))]
)
def test_an_adapted_model_is_exported_whole(name: str, kind: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    recipe = adapted(name, write(kind, tmp_path / kind), "steps=3", "precision=fp32")
    classifier = train(recipe, IMAGES, device="cpu", progress=False)
    save_classifier(classifier, tmp_path / "model")
    export_to(tmp_path / "model.onnx", tmp_path / "model")
    shutil.rmtree(tmp_path / kind)
    found = load_onnx(tmp_path / "model.onnx").predict_all(OTHERS).probabilities
    np.testing.assert_allclose(found, classifier.probabilities(OTHERS), atol=1e-3)


def test_an_adapted_recipe_is_evaluated_and_calibrated(tmp_path: Path) -> None:
    recipe = adapted("lora", write("vit", tmp_path / "vit"), "steps=4", "posthoc=['conformal']")
    with pytest.warns(HandfulWarning, match="does not say which images it was trained on"):
        result = evaluate(
            recipe, squares(6, size=SIDE), protocol=Protocol(folds=2, draws=(0,)), device="cpu", progress=False
        )
    assert {run.fold for run in result.runs} == {0, 1}
    classifier = train(recipe, squares(6, size=SIDE), device="cpu", progress=False)
    loaded = load_classifier(save_classifier(classifier, tmp_path / "model"))
    np.testing.assert_allclose(loaded.probabilities(OTHERS), classifier.probabilities(OTHERS))


def test_the_head_alone_and_then_all_layers_of_a_transformer(tmp_path: Path) -> None:
    recipe = adapted("head-first", write("vit", tmp_path / "vit"))
    before = recipe.stages[0].trainable
    classifier = train(recipe, IMAGES, device="cpu", progress=False)
    assert before == ("head", "compare")
    assert (classifier.probabilities(OTHERS).argmax(axis=1) == OTHERS.labels).mean() > 0.6


def test_nothing_can_be_adapted_under_a_head_that_is_only_fitted(tmp_path: Path) -> None:
    folder = write("vit", tmp_path / "vit")
    with pytest.raises(RecipeError, match=r"(?s)adapt would do nothing.*lora"):
        load_recipe("logistic", backbone=folder, overrides=("backbone.adapt=lora",))

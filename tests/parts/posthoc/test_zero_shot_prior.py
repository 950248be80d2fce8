from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from handful.core.recipe import Part, Recipe
from handful.deployment.export.to_onnx import export_onnx
from handful.errors import HandfulWarning, RecipeError
from handful.models.classifier import Classifier
from handful.models.load_onnx import load_onnx
from handful.parts.posthoc.zero_shot_prior import WithPrior
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.saving.model_card import to_markdown
from handful.training.train import train
from tests.support.clip_model import SIDE, write_clip
from tests.support.datasets import CLASSES, recipe, squares
from tests.support.imagenet_names import fake_texts


def plan(weight: float | str = "auto", name: str = "logistic") -> Recipe:
    base = load_recipe(name, overrides=("image_size=[32,32]", "precision=fp32"))
    return replace(base, posthoc=(Part("zero_shot_prior", {"weight": weight}),))


def test_cosines_times_the_weight_are_added_to_the_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_texts(monkeypatch)
    with_prior, plain = train(plan(3.0), squares(2), progress=False), train(plan(0.0), squares(2), progress=False)
    module = with_prior.wrapped_by("zero_shot_prior")
    assert isinstance(module, WithPrior)
    assert plain.wrapped_by("zero_shot_prior") is None
    images = torch.rand((2, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    one, other = with_prior.of_images(images), plain.of_images(images)
    with torch.inference_mode():
        torch.testing.assert_close(one.logits, other.logits + 3 * module.scores(other.features))


@pytest.mark.parametrize("name", ["logistic", pytest.param("logistic@lite0+lite2", marks=pytest.mark.slow)])
def test_saved_and_exported_it_predicts_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_texts(monkeypatch)
    classifier, new = train(plan(5.0, name), squares(2), progress=False), squares(2, seed=4)
    monkeypatch.undo()  # what is saved needs no text encoder
    loaded = load_classifier(save_classifier(classifier, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.probabilities(new), classifier.probabilities(new))
    export_onnx(loaded, tmp_path / "model.onnx")
    exported = load_onnx(tmp_path / "model.onnx").predict_all(new).probabilities
    np.testing.assert_allclose(exported, loaded.probabilities(new), atol=1e-4)


def card_of(classifier: Classifier) -> str:
    counts = tuple(classifier.counts.tolist())
    return to_markdown(
        classifier.card, classifier.recipe, classes=classifier.classes, counts=counts, size=classifier.size
    )


def test_names_that_say_nothing_are_left_out_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_texts(monkeypatch)
    with pytest.warns(HandfulWarning, match="say nothing of these images"):
        classifier = train(plan(), squares(2), progress=False)
    assert classifier.wrapped_by("zero_shot_prior") is None
    assert classifier.card["class_names"]["weight"] == 0
    assert "| class names as a prior | weight 0: the class names say nothing of these images:" in card_of(classifier)


def test_with_an_image_text_model(tmp_path: Path) -> None:
    model = write_clip(tmp_path, CLASSES)
    backbone = Part("image_text", {"model": model})
    given = replace(plan(50.0), backbone=backbone, image_size=(SIDE, SIDE))
    classifier = train(given, squares(2), progress=False)
    module = classifier.wrapped_by("zero_shot_prior")
    assert module.scores.named.shape == (3, 8)
    zero = replace(given, posthoc=(Part("zero_shot_prior"),))
    with pytest.warns(HandfulWarning, match="say nothing"):
        assert train(zero, squares(2), progress=False).card["class_names"]["p_value"] > 0.05


def test_what_has_no_scores_for_names_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_texts(monkeypatch)
    prior = (Part("zero_shot_prior"),)
    with pytest.raises(RecipeError, match="say nothing of class names"):
        train(replace(load_recipe("logistic-pixels"), posthoc=prior), squares(2), progress=False)
    trained = replace(recipe("linear"), backbone=Part("efficientnet_lite0"), posthoc=prior)
    with pytest.raises(RecipeError, match="fitted to frozen features"):
        train(trained, squares(2), progress=False)
    with pytest.raises(RecipeError, match="weight must be a number from 0 up"):
        train(plan(-1.0), squares(2), progress=False)

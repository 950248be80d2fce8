"""Training on images with several labels: what is known is learnt, what is unknown is not read."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Part
from handful.errors import ModelError
from handful.models.classifier import Classifier
from handful.recipes.load import load_recipe
from handful.saving import model_files
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.datasets import recipe, several_squares, squares

FITTED = load_recipe("logistic-pixels", overrides=("image_size=[12,12]",))
TRAINED = recipe("linear", "steps=60", "stages.0.optimizer.lr=0.02")


def trained(tested: object, data: Dataset) -> Classifier:
    return train(tested, data, device="cpu", progress=False)  # type: ignore[arg-type]


def share_right(classifier: Classifier, data: Dataset) -> float:
    return float(np.mean(classifier.predict(data) == data.targets()))


@pytest.mark.parametrize("tested", [FITTED, TRAINED], ids=lambda r: r.head.name)
def test_several_classes_of_an_image_are_learnt(tested: object) -> None:
    classifier = trained(tested, several_squares(60))
    test = several_squares(40, seed=1)
    assert share_right(classifier, test) > 0.8
    probabilities = classifier.probabilities(test)
    assert probabilities.min() >= 0
    assert probabilities.max() <= 1
    assert abs(probabilities.sum(axis=1) - 1).max() > 0.3, "each class is by itself"
    predictions = classifier.predict_all(test)
    assert predictions.present is not None
    np.testing.assert_array_equal(predictions.present, classifier.predict(test) == 1)
    assert classifier.card["kind"] == "multilabel"
    assert classifier.card["known_entries"] == 180


@pytest.mark.parametrize("tested", [FITTED, TRAINED], ids=lambda r: r.head.name)
def test_entries_that_are_unknown_are_not_read(tested: object) -> None:
    """Half of the entries of a class are hidden; what they were changes nothing."""
    data = several_squares(40)
    hidden = []
    for i, sample in enumerate(data.samples):
        assert sample.target is not None
        target = sample.target.copy()
        target[0] = np.nan if i % 2 else target[0]
        hidden.append(replace(sample, target=target))
    classifier = trained(tested, replace(data, samples=tuple(hidden)))
    images = replace(data, samples=tuple(replace(s, target=None) for s in data.samples))
    assert np.isfinite(classifier.probabilities(images)).all()
    assert classifier.counts.tolist() == replace(data, samples=tuple(hidden)).counts.tolist()
    assert classifier.card["known_entries"] == 100


def test_images_of_which_nothing_is_known_are_no_training_images() -> None:
    data = several_squares(20)
    blank = Sample("blank.png", np.zeros((3, 12, 12), np.uint8))
    with_blank = replace(data, samples=(*data.samples, blank))
    first, second = (trained(TRAINED, each).probabilities(data) for each in (data, with_blank))
    np.testing.assert_array_equal(first, second)


def test_a_class_is_balanced_by_the_rarest_that_an_image_shows() -> None:
    balanced = replace(TRAINED, stages=(replace(TRAINED.stages[0], sampler="balanced"),))
    assert share_right(trained(balanced, several_squares(40)), several_squares(20, seed=1)) > 0.6


@pytest.mark.parametrize("mix", ["mixup", "cutmix"])
def test_images_can_be_mixed(mix: str) -> None:
    mixed = replace(TRAINED, augment=(Part(mix, {"probability": 0.5}),))
    assert np.isfinite(trained(mixed, several_squares(20, known=0.6)).probabilities(several_squares(5))).all()


@pytest.mark.parametrize("tested", [FITTED, TRAINED], ids=lambda r: r.head.name)
def test_saved_and_loaded_with_thresholds_it_predicts_the_same(tested: object, tmp_path: Path) -> None:
    data = several_squares(30)
    with_thresholds = replace(tested, posthoc=(Part("thresholds", {"folds": 2}),))  # type: ignore[type-var]
    classifier = trained(with_thresholds, data)
    loaded = load_classifier(save_classifier(classifier, tmp_path / "model"))
    assert loaded.kind == "multilabel"
    assert classifier.thresholds is not None
    np.testing.assert_array_equal(loaded.thresholds, classifier.thresholds)
    np.testing.assert_array_equal(loaded.probabilities(data), classifier.probabilities(data))
    assert set(classifier.card["calibration"]["thresholds"]) == set(data.classes)
    content = json.loads((tmp_path / "model/classes.json").read_text())
    assert content["format"] == model_files.NEWEST, "an older version refuses it"
    card = (tmp_path / "model/CARD.md").read_text()
    assert "It says of 3 classes whether an image shows them: blue, green, red." in card
    assert f"A class is named from a probability of {classifier.thresholds[0]:.2f} (blue), " in card
    assert "it names one of" not in card
    assert "--multilabel FORM` --log results.jsonl" in card


def test_a_model_of_one_label_per_image_is_saved_as_before(tmp_path: Path) -> None:
    folder = save_classifier(trained(FITTED, squares(3)), tmp_path / "model")
    content = json.loads((folder / "classes.json").read_text())
    assert content["format"] == 2
    assert "kind" not in content
    content["kind"] = "several"
    (folder / "classes.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match="the kind is"):
        load_classifier(folder)

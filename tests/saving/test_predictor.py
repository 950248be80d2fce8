from pathlib import Path

import numpy as np
import pytest

from handful.errors import ModelError
from handful.models.classifier import Classifier
from handful.saving.classifier import save_classifier
from handful.saving.predictor import load_predictor, model_hash
from tests.support.classifiers import untrained
from tests.support.datasets import squares


def test_a_folder_gives_the_classifier_that_was_saved(tmp_path: Path) -> None:
    classifier, data = untrained(), squares(2).without_labels()
    loaded = load_predictor(save_classifier(classifier, tmp_path / "model"), device="cpu")
    assert isinstance(loaded, Classifier)
    np.testing.assert_array_equal(loaded.probabilities(data), classifier.probabilities(data))


def test_an_exported_model_has_no_options(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.touch()
    with pytest.raises(ModelError, match="tta"):
        load_predictor(file, tta="flip")
    with pytest.raises(ModelError, match="classes"):
        load_predictor(file, classes=tmp_path / "names.txt")
    with pytest.raises(ModelError, match="only runs on the CPU"):
        load_predictor(file, device="cuda")


def test_the_hash_changes_with_the_weights_and_not_with_the_card(tmp_path: Path) -> None:
    model = save_classifier(untrained(), tmp_path / "model")
    first = model_hash(model)
    (model / "CARD.md").write_text("other words")
    assert model_hash(model) == first
    assert model_hash(save_classifier(untrained(), tmp_path / "same")) == first
    assert model_hash(save_classifier(untrained(seed=1), tmp_path / "other")) != first
    with pytest.raises(ModelError, match="no such model"):
        model_hash(tmp_path / "none")

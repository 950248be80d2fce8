from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.automl.calibration import with_temperature
from handful.automl.candidates import Candidate
from handful.automl.select import Selection
from handful.core.recipe import Part
from handful.core.result import Result, Run
from handful.evaluation.selection_bias import selected_score
from handful.models.classifier import Classifier
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.datasets import CLASSES, recipe, squares

SURE = 0.98


def selection(*, right: float, trained: bool = True) -> Selection:
    """A selection whose network is as sure of each held-out image, and right in this share of them."""
    plan = recipe("linear", "steps=2")
    labels = np.arange(60) % 3
    predicted = np.where(np.arange(60) < 60 * right, labels, (labels + 1) % 3)
    probabilities = np.full((60, 3), (1 - SURE) / 2, np.float32)
    probabilities[np.arange(60), predicted] = SURE
    names = [f"{i}.png" for i in range(60)]
    runs = tuple(
        Run(0, fold, 0, (), tuple(names[fold::2]), labels[fold::2], probabilities[fold::2], 1.0) for fold in range(2)
    )
    result = Result(plan, CLASSES, runs)
    candidate = Candidate(plan, trained)
    return Selection(candidate, (result,), (candidate,), selected_score([result], "accuracy"), "accuracy", ())


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return train(recipe("linear", "steps=2"), squares(), device="cpu", progress=False)


def test_a_network_that_is_too_sure_of_held_out_images_gets_a_temperature(
    classifier: Classifier, tmp_path: Path
) -> None:
    calibrated = with_temperature(classifier, selection(right=0.7))
    entry = calibrated.card["calibration"]
    assert entry["temperature"] > 1.5
    assert entry["temperature_from"] == "cross-fitted: 60 training images in 2 folds"
    before, after = classifier.probabilities(squares(seed=3)), calibrated.probabilities(squares(seed=3))
    np.testing.assert_array_equal(before.argmax(axis=1), after.argmax(axis=1))
    assert (after.max(axis=1) <= before.max(axis=1) + 1e-6).all()
    loaded = load_classifier(save_classifier(calibrated, tmp_path / "model"))
    np.testing.assert_allclose(loaded.probabilities(squares(seed=3)), after, atol=1e-6)


def test_the_temperature_is_near_one_where_the_network_is_as_right_as_it_says(classifier: Classifier) -> None:
    calibrated = with_temperature(classifier, selection(right=SURE))
    assert calibrated.card["calibration"]["temperature"] == pytest.approx(1.0, abs=0.25)


def test_fitted_heads_and_calibrating_recipes_stay_as_they_are(classifier: Classifier) -> None:
    assert with_temperature(classifier, selection(right=0.7, trained=False)) is classifier
    nothing = replace(selection(right=0.7), score=None, results=())
    assert with_temperature(classifier, nothing) is classifier
    own = replace(classifier, recipe=replace(classifier.recipe, posthoc=(Part("temperature"),)))
    assert with_temperature(own, selection(right=0.7)) is own

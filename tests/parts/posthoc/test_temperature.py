from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import softmax

from handful.core.context import Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.models.classifier import Classifier
from handful.parts import registry
from handful.parts.posthoc.temperature import Tempered, wrap
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.parts.posthoc.mean_color_classifier import color_dataset, fit_mean_colors
from tests.support.datasets import CLASSES, context, recipe, squares


def temperature_of(classifier: Classifier) -> float:
    wrapped = classifier.wrapped_by("temperature")
    assert isinstance(wrapped, Tempered)
    return wrapped.temperature


def applied(data: Dataset, **options: object) -> Classifier:
    given = replace(context("linear"), task=Task(CLASSES, data.counts), fit=fit_mean_colors, data=data)
    after = registry.build("posthoc", Part("temperature", options), given)((fit_mean_colors(recipe(), data, 0),), data)
    assert isinstance(after, Classifier)
    return after


def test_with_one_image_of_a_class_the_fixed_one_is_taken_and_said_so() -> None:
    after = applied(color_dataset(3, 0).select([0, 3, 4, 6]), fallback=1.5)
    assert temperature_of(after) == 1.5
    assert after.card["calibration"]["temperature_from"].startswith("fixed: a class has one training image")


def test_groups_count_as_one_image() -> None:
    data = color_dataset(4, 0)
    grouped = replace(data, samples=tuple(replace(s, group=f"{s.label}") for s in data.samples))
    assert applied(grouped).card["calibration"]["temperature_from"].startswith("fixed")


def test_no_prediction_changes_and_it_is_saved() -> None:
    after, new = applied(color_dataset(10, 0, noise=0.3)), color_dataset(10, 1, noise=0.3)
    before = fit_mean_colors(recipe(), color_dataset(10, 0, noise=0.3), 0)
    np.testing.assert_array_equal(after.predict(new), before.predict(new))
    assert "30 training images in 5 folds" in after.card["calibration"]["temperature_from"]
    temperature = temperature_of(after)
    wanted = softmax(np.log(before.probabilities(new).astype(np.float64)) / temperature, axis=1)
    np.testing.assert_allclose(after.probabilities(new), wanted, atol=1e-5)
    assert before.wrapped_by("temperature") is None


def test_through_training_and_disk(tmp_path: object) -> None:
    plan = recipe("linear", "steps=3", 'posthoc=[{name="temperature",folds=2}]')
    classifier = train(plan, squares(), progress=False)
    loaded = load_classifier(save_classifier(classifier, f"{tmp_path}/model"))
    assert temperature_of(loaded) == temperature_of(classifier)
    assert loaded.card["calibration"] == classifier.card["calibration"]


@pytest.mark.parametrize("value", [0, -1, True, float("inf")])
def test_temperatures_that_are_none(value: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        wrap(torch.nn.Identity(), temperature=value)

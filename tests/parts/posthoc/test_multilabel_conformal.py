"""Conformal sets and risk control of images with several labels."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from handful.core.recipe import Part
from handful.errors import ModelError, TrainingError
from handful.models.classifier import Classifier
from handful.parts.posthoc.thresholds import risk_threshold
from handful.recipes.calibration import with_calibration
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.datasets import several_squares

RECIPE = load_recipe("logistic-pixels", overrides=("image_size=[12,12]",))


@cache
def trained() -> Classifier:
    parts = (Part("conformal", {"coverage": 0.8, "folds": 3}), Part("thresholds", {"folds": 3, "missed": 0.2}))
    return train(replace(RECIPE, posthoc=parts), several_squares(60), device="cpu", progress=False)


def test_a_class_is_compared_with_the_held_out_images_that_show_it() -> None:
    conformal = trained().wrapped_by("conformal")
    data = several_squares(15, seed=1)
    logits = []
    for fold in conformal.folds:
        features = conformal.network.features(next(trained()._images(data)))
        logits.append(fold.head.output(features).logits.detach().numpy())
    expected = np.zeros((len(data), 3))
    for i in range(len(data)):
        for c in range(3):
            worse = [
                conformal.scores[m, c] >= np.logaddexp(0, -logits[int(conformal.fold[m])][i, c]) - 1e-6
                for m in range(60)
                if conformal.shown[m, c]
            ]
            expected[i, c] = (sum(worse) + 1) / (len(worse) + 1)
    np.testing.assert_allclose(trained().p_values(data), expected, atol=1e-5)
    np.testing.assert_array_equal(conformal.shown.numpy().sum(axis=0), several_squares(60).counts)


def test_sets_hold_each_class_as_often_as_promised() -> None:
    data = several_squares(400, seed=2)
    sets, shown = trained().sets(data), data.targets() == 1
    recall = (sets & shown).sum(axis=0) / shown.sum(axis=0)
    assert recall.min() > 0.7
    with pytest.raises(ModelError, match="of each class"):
        trained().sets(data, coverage=0.999)


def test_sets_are_saved_loaded_and_exported(tmp_path: Path) -> None:
    data = several_squares(10, seed=3)
    save_classifier(trained(), tmp_path / "model")
    loaded = load_classifier(tmp_path / "model", device="cpu")
    np.testing.assert_array_equal(loaded.p_values(data), trained().p_values(data))
    pytest.importorskip("onnxscript")
    from handful.deployment.export.to_onnx import export_onnx
    from handful.models.load_onnx import load_onnx

    assert "sets" in export_onnx(trained(), tmp_path / "m.onnx")
    found = load_onnx(tmp_path / "m.onnx").predict_all(data)
    np.testing.assert_array_equal(found.sets, trained().sets(data))


def _bound(probabilities: np.ndarray, shown: np.ndarray, threshold: float) -> float:
    """The mean share of missed classes, with one more image that misses all."""
    images = shown.any(axis=1)
    missed = (shown & (probabilities < threshold)).sum(axis=1)[images] / shown.sum(axis=1)[images]
    return float((missed.sum() + 1) / (images.sum() + 1))


def test_the_risk_threshold_is_the_highest_that_keeps_the_bound() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        targets = np.where(rng.random((40, 4)) < 0.4, 1.0, np.where(rng.random((40, 4)) < 0.2, np.nan, 0.0))
        probabilities = np.round(rng.random((40, 4)), 2)
        shown = targets == 1
        allowed = [t for t in np.unique(np.append(probabilities, 1.0)) if _bound(probabilities, shown, t) <= 0.2 + 1e-9]
        assert risk_threshold(probabilities, targets, 0.2) == pytest.approx(max(allowed), abs=1.1e-4)


def test_thresholds_of_a_risk_are_the_same_for_all_classes() -> None:
    thresholds = trained().thresholds
    assert thresholds is not None
    assert len(set(thresholds.tolist())) == 1
    data = several_squares(400, seed=2)
    shown = data.targets() == 1
    images = shown.any(axis=1)
    missed = (shown & (trained().predict(data) == 0)).sum(axis=1)[images] / shown.sum(axis=1)[images]
    assert missed.mean() < 0.3


def test_too_few_images_are_refused_before_training() -> None:
    with pytest.raises(TrainingError, match=r"coverage 0.99 needs 99 training images of each class"):
        train(with_calibration(RECIPE, coverage=0.99), several_squares(30), device="cpu", progress=False)
    with pytest.raises(TrainingError, match=r"0.01 missed needs 99 training images(.*\n)+.*label \d+ more"):
        train(with_calibration(RECIPE, missed=0.01), several_squares(30), device="cpu", progress=False)


def test_options_for_one_label_per_image_are_refused() -> None:
    recipe = replace(RECIPE, posthoc=(Part("conformal", {"by_class": False}),))
    with pytest.raises(Exception, match="no effect with several labels"):
        train(recipe, several_squares(30), device="cpu", progress=False)

"""Platt scaling of each class of several labels, and what is calibrated after it."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.deployment.export.to_onnx import export_onnx
from handful.errors import RecipeError
from handful.models.classifier import Classifier
from handful.models.load_onnx import load_onnx
from handful.models.platt_scaling import fit_class_platt
from handful.parts.posthoc._folds import Fold
from handful.parts.posthoc._held_out_probabilities import held_out_probabilities
from handful.parts.posthoc.platt_scaling import wrap
from handful.recipes.calibration import with_calibration
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.datasets import several_squares

RECIPE = load_recipe("logistic-pixels", overrides=("image_size=[12,12]",))


def calibrated(*names: str) -> Recipe:
    coverage = {"conformal": {"coverage": 0.8}}
    return replace(RECIPE, posthoc=tuple(Part(name, {"folds": 3, **coverage.get(name, {})}) for name in names))


@cache
def trained(*names: str) -> Classifier:
    return train(calibrated(*names), several_squares(60), device="cpu", progress=False)


def with_targets(data: Dataset, targets: np.ndarray) -> Dataset:
    return replace(data, samples=tuple(replace(s, target=t) for s, t in zip(data.samples, targets, strict=True)))


def test_scores_have_a_slope_and_an_offset_for_each_class() -> None:
    data = several_squares(20, seed=1)
    one, plain = trained("platt_scaling"), trained()
    entry = one.card["calibration"]
    scaling = [entry["platt_scaling"][name] for name in one.classes]
    before, after = (torch.cat([o.logits.float() for o in c.outputs(data)]).numpy() for c in (plain, one))
    expected = before * [row["slope"] for row in scaling] + [row["offset"] for row in scaling]
    np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-4)
    assert entry["platt_scaling_from"] == "cross-fitted: 60 training images in 3 folds"
    assert "platt_scaling_shared" not in entry


def test_sets_are_those_without_it_and_probabilities_are_not() -> None:
    data = several_squares(30, seed=2)
    plain, one = trained("conformal"), trained("platt_scaling", "conformal")
    np.testing.assert_array_equal(one.p_values(data), plain.p_values(data))
    assert abs(one.probabilities(data) - plain.probabilities(data)).max() > 1e-3


def test_thresholds_are_chosen_on_calibrated_probabilities_of_images_that_the_scaling_did_not_see() -> None:
    rng = np.random.default_rng(0)
    data = several_squares(30)
    logits = rng.standard_normal((30, 3)).astype(np.float32)
    parts = tuple(
        Fold(trained(), data, data.select(range(a, a + 10)), logits[a : a + 10], logits[a : a + 10])
        for a in (0, 10, 20)
    )
    targets = data.targets()
    rest = np.arange(30) >= 10
    scaled = fit_class_platt(logits[rest].astype(np.float64), targets[rest]).scale(logits[:10])
    found = held_out_probabilities(trained("platt_scaling"), parts)
    np.testing.assert_allclose(found[:10], 1 / (1 + np.exp(-scaled)), rtol=1e-5)
    np.testing.assert_allclose(held_out_probabilities(trained(), parts), 1 / (1 + np.exp(-logits)), rtol=1e-5)


def test_saved_loaded_and_exported_it_predicts_the_same(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    data = several_squares(20, seed=3)
    one = trained("platt_scaling", "conformal", "thresholds")
    loaded = load_classifier(save_classifier(one, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.probabilities(data), one.probabilities(data))
    np.testing.assert_array_equal(loaded.sets(data), one.sets(data))
    export_onnx(one, tmp_path / "m.onnx")
    wanted, found = one.predict_all(data), load_onnx(tmp_path / "m.onnx").predict_all(data)
    np.testing.assert_allclose(found.probabilities, wanted.probabilities, atol=1e-5)
    np.testing.assert_array_equal(found.present, wanted.present)
    np.testing.assert_array_equal(found.sets, wanted.sets)
    card = (tmp_path / "model/CARD.md").read_text()
    assert "Probabilities are calibrated for each class by itself, by Platt scaling (cross-fitted: 60 training" in card
    assert "of the answers given with 80 %, about 80 of 100 should be right" in card


def test_a_class_of_few_images_takes_the_pair_of_all_and_the_card_names_it(tmp_path: Path) -> None:
    data = several_squares(40)
    targets = data.targets().copy()
    targets[np.flatnonzero(targets[:, 1] == 1)[4:], 1] = 0
    one = train(calibrated("platt_scaling"), with_targets(data, targets), device="cpu", progress=False)
    assert one.card["calibration"]["platt_scaling_shared"] == [data.classes[1]]
    save_classifier(one, tmp_path / "model")
    card = (tmp_path / "model/CARD.md").read_text()
    assert "Of green fewer than 5 held-out images do, or do not, show the class: it takes the pair of all" in card


def test_where_no_image_can_be_held_out_probabilities_stay_as_they_are(tmp_path: Path) -> None:
    targets = np.zeros((12, 3), np.float32)
    targets[0, 0], targets[1:6, 1], targets[6:, 2] = 1, 1, 1
    data = with_targets(several_squares(12), targets)
    one = train(calibrated("platt_scaling"), data, device="cpu", progress=False)
    assert one.wrapped_by("platt_scaling") is None
    assert one.card["calibration"]["platt_scaling_from"].startswith("none: a class has one training image or group")
    save_classifier(one, tmp_path / "model")
    assert "Probabilities are as training left them" in (tmp_path / "model/CARD.md").read_text()


def test_after_thresholds_it_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"would change what posthoc/thresholds is fitted to(.*\n)+.*before it"):
        train(calibrated("thresholds", "platt_scaling"), several_squares(20), device="cpu", progress=False)


def test_the_option_for_temperatures_adds_it_where_images_have_several_labels() -> None:
    parts = with_calibration(RECIPE, kind="multilabel", temperature=True, coverage=0.9, thresholds=True).posthoc
    assert [part.name for part in parts] == ["platt_scaling", "conformal", "thresholds"]
    assert [part.name for part in with_calibration(RECIPE, temperature=True).posthoc] == ["temperature"]


@pytest.mark.parametrize(
    ("slopes", "offsets", "fault"),
    [((1.0, 0.0), (0.0, 0.0), "above 0"), ((1.0,), (0.0, 0.0), "as many"), (1.0, (0.0,), "must be numbers")],
)
def test_values_out_of_range_are_refused(slopes: object, offsets: object, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        wrap(nn.Identity(), slopes=slopes, offsets=offsets)

"""Training on numbers: fitted heads, squared and absolute error, saved models, evaluation and predictions."""

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from handful.comparison.compare import compare
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.deployment.predict_table import predict_table
from handful.errors import DataError, HandfulError, ModelError, RecipeError
from handful.evaluation.evaluate import evaluate
from handful.evaluation.numbers import summarise_numbers
from handful.evaluation.protocol import Protocol
from handful.inspection.inspection import inspect
from handful.models.classifier import Classifier
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.datasets import numbered_squares, recipe, squares

RIDGE = load_recipe("ridge", overrides=("backbone.name=pixels", "image_size=[12,12]", "head.tukey=1.0"))


@cache
def trained() -> Classifier:
    return train(RIDGE, numbered_squares(80), device="cpu", progress=False)


def test_ridge_regression_predicts_numbers_in_their_unit() -> None:
    data = numbered_squares(100, seed=1)
    predicted, truth = trained().predict(data), data.targets()
    control = np.abs(truth - np.median(numbered_squares(80).targets(), axis=0)).mean(axis=0)
    errors = np.abs(predicted - truth).mean(axis=0)
    assert errors[0] < 0.5 * control[0]
    assert errors[1] < control[1]
    assert trained().card["kind"] == "number"


def test_the_head_is_scikit_learns_regression_of_the_scaled_numbers() -> None:
    head: Any = trained().network.head
    data = numbered_squares(80)
    x = np.concatenate([o.embedding.numpy() for o in trained().outputs(data)])
    scale = trained().scale
    assert scale is not None
    y = (data.targets() - scale.mean) / scale.deviation
    model = Ridge(alpha=float(head.strength)).fit(x, y)
    expected = model.predict(x) * scale.deviation + scale.mean
    np.testing.assert_allclose(trained().predict(data), expected, rtol=1e-3, atol=1e-2)


def test_unknown_numbers_are_left_out() -> None:
    data = numbered_squares(80, known=0.6)
    model = train(RIDGE, data, device="cpu", progress=False)
    assert np.isfinite(model.predict(numbered_squares(10, seed=1))).all()
    first = replace(
        data,
        samples=tuple(
            replace(s, target=s.target[:1]) for s in data.samples if s.target is not None and s.target[0] == s.target[0]
        ),
        classes=("side",),
    )
    alone = train(replace(RIDGE, head=Part("ridge", {"penalty": 1.0})), first, device="cpu", progress=False)
    both = train(replace(RIDGE, head=Part("ridge", {"penalty": 1.0})), data, device="cpu", progress=False)
    assert alone.predict(data)[:, 0] == pytest.approx(both.predict(data)[:, 0], abs=1.0)


def test_nearest_neighbors_average_their_numbers() -> None:
    model = train(
        load_recipe("knn", overrides=("backbone.name=pixels", "image_size=[12,12]")),
        numbered_squares(80),
        device="cpu",
        progress=False,
    )
    truth = numbered_squares(80).targets()
    predicted = model.predict(numbered_squares(20, seed=1))
    assert (predicted >= truth.min(axis=0) - 1e-3).all()
    assert (predicted <= truth.max(axis=0) + 1e-3).all()


@pytest.mark.parametrize("loss", ["cross_entropy", "absolute_error"])
def test_a_network_learns_numbers_by_squared_and_absolute_error(loss: str) -> None:
    tiny = recipe("linear", "batch_size=16")
    stage = replace(tiny.stages[0], steps=60, losses=(Part(loss),))
    model = train(replace(tiny, stages=(stage,), augment=()), numbered_squares(60), device="cpu", progress=False)
    data = numbered_squares(60)
    control = np.abs(data.targets() - np.median(data.targets(), axis=0)).mean(axis=0)
    assert np.abs(model.predict(data) - data.targets()).mean(axis=0)[1] < control[1]


def test_a_saved_model_predicts_the_same_numbers(tmp_path: Path) -> None:
    save_classifier(trained(), tmp_path / "model")
    data = numbered_squares(10, seed=1)
    loaded = load_classifier(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(data), trained().predict(data))
    assert "| side | 80 |" in (tmp_path / "model" / "CARD.md").read_text(encoding="utf-8")


def test_a_table_of_predictions_has_a_column_for_each_quantity(tmp_path: Path) -> None:
    data = numbered_squares(5, known=0.7, seed=2)
    assert predict_table(trained(), data, tmp_path / "p.csv") == {}
    with (tmp_path / "p.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "side", "brightness", "predicted side", "predicted brightness"]
    predicted = np.array([[float(row[f"predicted {name}"]) for name in data.classes] for row in rows])
    np.testing.assert_allclose(predicted, trained().predict(data), rtol=1e-3)


def test_evaluation_scores_numbers_against_the_training_median(tmp_path: Path) -> None:
    data = numbered_squares(120)
    result = evaluate(
        RIDGE, data, protocol=Protocol((0, 1), 8), device="cpu", log=tmp_path / "log.jsonl", progress=False
    )
    again = evaluate(
        RIDGE, data, protocol=Protocol((0, 1), 8), device="cpu", log=tmp_path / "log.jsonl", progress=False
    )
    assert len(result.runs[0].train_ids) == 40
    rows = {(r.quantity, r.metric): r for r in summarise_numbers(again)}
    run = result.runs[0]
    assert run.numbers is not None
    errors = [np.abs(r.probabilities - r.numbers)[:, 0].mean() for r in result.runs]
    assert rows["side", "mae"].mean == pytest.approx(float(np.mean(errors)), rel=1e-5)
    assert rows["side", "mae"].low < rows["side", "mae"].mean < rows["side", "mae"].high
    assert rows["side", "control_mae"].mean > rows["side", "mae"].mean
    lowest, highest = [], []
    for one in result.runs:
        assert one.numbers is not None
        truth, off = one.numbers[:, 0], np.abs(one.probabilities - one.numbers)[:, 0]
        lowest.append(off[truth <= np.quantile(truth, 0.2)].mean())
        highest.append(off[truth >= np.quantile(truth, 0.8)].mean())
    assert rows["side", "lowest_mae"].mean == pytest.approx(float(np.mean(lowest)), rel=1e-5)
    assert rows["side", "highest_mae"].mean == pytest.approx(float(np.mean(highest)), rel=1e-5)


def _some(data: Dataset, folder: Path) -> list[object]:
    return [
        lambda: compare([RIDGE], data, folder / "compared", progress=False),
        lambda: inspect(data),
    ]


def test_everything_else_refuses_numbers_in_a_sentence(tmp_path: Path) -> None:
    for action in _some(numbered_squares(60), tmp_path):
        with pytest.raises((DataError, HandfulError), match="number"):
            action()  # type: ignore[operator]
    from handful.deployment.export.page import export_page
    from handful.deployment.export.to_torch import export_torch

    for export, what in ((export_page, "a page"), (export_torch, r"a file in \.pt2")):
        with pytest.raises(ModelError, match=f"{what} needs a model of classes(.*\n)+.*export to .onnx"):
            export(trained(), tmp_path / "m")


@pytest.mark.parametrize("name", ["logistic", "nearest-centroid", "cvs-wrn", "ldam-drw"])
def test_recipes_for_classes_are_refused_with_those_that_fit(name: str) -> None:
    try:
        loaded = load_recipe(name)
    except RecipeError:
        pytest.skip("no such recipe")
    with pytest.raises(RecipeError, match=r"needs a class per image(.*\n)+.*ridge, knn, fine-tuned"):
        train(loaded, numbered_squares(20), device="cpu", progress=False)


def test_absolute_error_of_classes_is_refused() -> None:
    tiny = recipe("linear")
    stage = replace(tiny.stages[0], losses=(Part("absolute_error"),))
    with pytest.raises(RecipeError, match=r"absolute_error is for numbers(.*\n)+.*\(number\).*cross_entropy"):
        train(replace(tiny, stages=(stage,)), squares(4), device="cpu", progress=False)


def test_automatic_precision_is_that_of_the_numbers_and_a_named_one_stays() -> None:
    assert RIDGE.precision == "auto"
    assert trained().recipe.precision == "fp32"
    named = train(replace(RIDGE, precision="bf16"), numbered_squares(80), device="cpu", progress=False)
    assert named.recipe.precision == "bf16"

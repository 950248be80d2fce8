"""Predictions and exports of models of several labels per image."""

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from handful.annotation.propagate import propagate_dataset
from handful.comparison.compare import compare
from handful.core.recipe import Part
from handful.deployment.export.export import export_to
from handful.deployment.export.to_onnx import export_onnx
from handful.deployment.predict_table import predict_table
from handful.errors import DataError, HandfulError, ModelError
from handful.inspection.inspection import inspect
from handful.models.classifier import Classifier
from handful.models.ensemble import join
from handful.models.onnx_model import load_onnx, refuse_multilabel_server
from handful.recipes.load import load_recipe
from handful.reports.explanations import explain_to
from handful.saving.classifier import save_classifier
from handful.saving.predictor import load_predictor
from handful.training.train import train
from tests.support.datasets import several_squares


@cache
def trained() -> Classifier:
    recipe = load_recipe("logistic-pixels", overrides=("image_size=[12,12]",))
    thresholds = Part("thresholds", {"folds": 2})
    return train(replace(recipe, posthoc=(thresholds,)), several_squares(40), device="cpu", progress=False)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_table_lists_the_classes_of_each_image(tmp_path: Path) -> None:
    data = several_squares(20, seed=1)
    counts = predict_table(trained(), data, tmp_path / "p.csv")
    present = trained().predict(data) == 1
    rows = rows_of(tmp_path / "p.csv")
    assert list(rows[0]) == ["id", "label", "labels", "p_blue", "p_green", "p_red"]
    for row, there in zip(rows, present, strict=True):
        assert row["labels"] == ("|".join(np.array(data.classes)[there]) or "none")
    assert counts == dict(zip(data.classes, present.sum(axis=0).tolist(), strict=True))


def test_an_exported_model_gives_the_same_answers(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    data = several_squares(20, seed=1)
    assert export_onnx(trained(), tmp_path / "m.onnx") == ("probabilities", "present")
    model = load_onnx(tmp_path / "m.onnx")
    found, wanted = model.predict_all(data), trained().predict_all(data)
    np.testing.assert_allclose(found.probabilities, wanted.probabilities, atol=1e-5)
    np.testing.assert_array_equal(found.present, wanted.present)
    with pytest.raises(ModelError, match="the server needs a model of one label"):
        refuse_multilabel_server(model)


def test_what_needs_one_label_per_image_is_refused_with_what_takes_several(tmp_path: Path) -> None:
    model, data = trained(), several_squares(6)
    folder = save_classifier(model, tmp_path / "model")
    cases = {
        "an ensemble": lambda: join([model, model]),
        "explaining": lambda: explain_to(model, data, tmp_path / "maps"),
        "test-time": lambda: load_predictor(folder, tta="flip", device="cpu"),
        "a file in .pt2": lambda: export_to(tmp_path / "m.pt2", folder),
        "comparing recipes": lambda: compare([model.recipe], data, tmp_path / "c", trials=1),
        "an inspection": lambda: inspect(data),
        "propagating masks": lambda: propagate_dataset(model.recipe, data),
    }
    for what, call in cases.items():
        with pytest.raises(HandfulError, match=what) as caught:
            call()  # type: ignore[no-untyped-call]
        assert isinstance(caught.value, ModelError | DataError)
        assert "predict" in caught.value.remedy
        assert "one label per image" in caught.value.what

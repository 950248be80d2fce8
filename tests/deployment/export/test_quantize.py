from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.deployment.export.exportable import ExportableModel
from handful.deployment.export.quantize import (
    calibration_split,
    compare_predictions,
    quantize,
    refuse_int8,
)
from handful.deployment.export.to_onnx import trace, with_resizing, write_model
from handful.errors import DataError, ModelError
from handful.evaluation.intervals import paired_interval
from handful.models.load_onnx import load_onnx
from handful.training.train import train
from tests.support.datasets import recipe, squares

pytest.importorskip("onnxscript")


@pytest.mark.slow
def test_eight_bits_are_small_and_their_cost_is_told(tmp_path: Path) -> None:
    one = train(recipe("linear", "image_size=[12,12]", "steps=12"), squares(4), seed=0, device="cpu", progress=False)
    data = squares(4, split="train")
    held = squares(5, seed=9, split="val")
    both = Dataset(data.samples + held.samples, data.classes)
    calibrating, measuring, apart = calibration_split(both, one)
    assert (len(calibrating), len(measuring), apart) == (12, 15, True)
    exportable = ExportableModel(one).eval()
    network = trace(exportable)
    write_model(with_resizing(exportable, network), tmp_path / "float.onnx")
    write_model(with_resizing(exportable, quantize(exportable, network, calibrating)), tmp_path / "int8.onnx")
    assert (tmp_path / "int8.onnx").stat().st_size < 0.6 * (tmp_path / "float.onnx").stat().st_size
    report = compare_predictions(one, load_onnx(tmp_path / "int8.onnx"), measuring, held_out=apart)
    assert 0 < report.largest < 0.5
    assert report.labelled == report.images == 15
    assert report.before is not None
    assert report.after is not None
    assert report.difference == pytest.approx(report.after - report.before)
    none = compare_predictions(
        one, one, Dataset(tuple(replace(s, label=None) for s in held.samples), ()), held_out=True
    )
    assert (none.difference, none.same_answer, none.largest) == (None, 1.0, 0.0)


def test_the_interval_of_a_paired_difference_covers() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(1000):
        before = rng.random(40) < 0.9
        after = np.where(rng.random(40) < 0.15, rng.random(40) < 0.5, before)
        _, low, high = paired_interval(before, after)
        inside += low <= 0.15 * (0.5 - 0.9) <= high
    assert 0.93 < inside / 1000 <= 1
    same = np.ones(30, dtype=bool)
    difference, low, high = paired_interval(same, same)
    assert difference == 0
    assert low < 0 < high


def test_what_eight_bits_cannot_do() -> None:
    wish = replace(
        recipe("linear", "image_size=[12,12]", "steps=1"), posthoc=(Part("conformal", {"folds": 2, "coverage": 0.6}),)
    )
    one = train(wish, squares(3), seed=0, device="cpu", progress=False)
    with pytest.raises(ModelError, match="sets were calibrated in floating point"):
        refuse_int8(one)
    with pytest.raises(DataError, match="no training images"):
        calibration_split(squares(2, split="test"), one)
    with pytest.raises(ModelError, match="its classes differ"):
        calibration_split(replace(squares(2), classes=("a", "b", "c")), one)
    calibrating, measuring, apart = calibration_split(squares(2), one)
    assert (len(calibrating), len(measuring), apart) == (6, 6, False)

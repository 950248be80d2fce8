"""Ensembles, test-time augmentation and distillation from the command line."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Picture

from handful.data.readers.folder import read_folder
from handful.models.ensemble import Ensemble
from handful.parts.posthoc.tta import over_views
from handful.saving.classifier import load_classifier
from tests.support.command_line import fails, files, ok, ok_json, write_images
from tests.support.datasets import CLASSES, squares


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    files(folder)
    cvs = ("-r", folder / "cvs.toml", "--masks", folder / "masks")
    ok("fit", folder / "images", *cvs, "-o", folder / "one")
    ok("fit", folder / "images", *cvs, "-o", folder / "two", "--seed", 1)
    ok("fit", folder / "images", "-r", folder / "linear.toml", "-o", folder / "three")
    return folder


def predicted(inputs: Path, model: Path, out: Path, *options: object) -> np.ndarray:
    ok("predict", model, inputs / "images", "-o", out, *options)
    return pd.read_csv(out)[[f"p_{c}" for c in CLASSES]].to_numpy()


def test_an_ensemble_predicts_the_weighted_mean_and_segments(inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "both"
    said = ok_json("ensemble", inputs / "one", inputs / "two", "--weights", "3,1", "-o", out)
    assert said["weights"] == [0.75, 0.25]
    one, two, both = (
        predicted(inputs, model, tmp_path / f"{i}.csv") for i, model in enumerate((inputs / "one", inputs / "two", out))
    )
    np.testing.assert_allclose(both, (3 * one + two) / 4, atol=1e-5)
    maps = tmp_path / "maps"
    predicted(inputs, out, tmp_path / "again.csv", "--maps", maps)
    with Picture.open(next((maps / "red").iterdir())) as picture:
        assert picture.size == (12, 12)
    text = ok("ensemble", inputs / "one", inputs / "two", inputs / "three", "-o", tmp_path / "three")
    assert "33.3 %" in text
    failed = fails(
        "predict", tmp_path / "three", inputs / "images", "-o", tmp_path / "no.csv", "--maps", tmp_path / "no"
    )
    assert "no pixel maps" in failed


def test_nothing_is_overwritten_unasked_and_other_classes_are_refused(inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "both"
    command = ("ensemble", inputs / "one", inputs / "two", "-o", out)
    ok(*command)
    assert "already exists" in fails(*command)
    ok(*command, "--overwrite", "--weights", "1,3")
    assert load_classifier(out).card["weights"] == [1.0, 3.0]
    (out / "member-1" / "precious.txt").write_text("x")
    assert "holds other files" in fails(*command, "--overwrite")
    other = write_images(squares(2, seed=9), tmp_path / "images")
    (other / "red").rename(other / "white")
    ok("fit", other, "-r", inputs / "linear.toml", "-o", tmp_path / "other", "--set", "steps=2")
    failed = fails("ensemble", inputs / "one", tmp_path / "other", "-o", tmp_path / "none")
    assert "red missing" in failed
    assert "white too many" in failed
    assert not (tmp_path / "none").exists()
    assert "not a list of numbers" in fails(
        "ensemble", inputs / "one", inputs / "two", "--weights", "a,b", "-o", tmp_path / "n"
    )
    assert "--data" in fails(
        "ensemble", inputs / "one", inputs / "two", "--weights", "cross_fitted", "-o", tmp_path / "n"
    )


def test_weights_from_cross_validation(inputs: Path, tmp_path: Path) -> None:
    command = ("ensemble", inputs / "one", inputs / "three", "--weights", "cross_fitted", "--folds", 2)
    said = ok_json(*command, "--data", inputs / "images", "--masks", inputs / "masks", "-o", tmp_path / "both")
    assert set(said["weights"]) <= {0.25, 0.5, 0.75}


def test_predict_from_several_views(inputs: Path, tmp_path: Path) -> None:
    found = predicted(inputs, inputs / "one", tmp_path / "p.csv", "--tta", "ten_crop")
    data = read_folder(inputs / "images", unlabelled=True)
    classifier = load_classifier(inputs / "one")
    np.testing.assert_allclose(found, over_views(classifier).probabilities(data), atol=1e-5)
    assert np.abs(found - classifier.probabilities(data)).max() > 1e-4


def test_evaluate_and_fit_with_parts_after_training(inputs: Path, tmp_path: Path) -> None:
    common = ("-r", inputs / "linear.toml", "--set", "steps=3", "--set")
    score = ok_json("evaluate", inputs / "images", *common, 'posthoc=[{name="tta"}]', "-n", 2, "-m", 2)
    assert score["scores"]["accuracy"]["draws"] == 2
    out = tmp_path / "model"
    ok(
        "fit",
        inputs / "images",
        *common,
        'posthoc=[{name="tta", views="flip"}, {name="ensemble", members=2}]',
        "-o",
        out,
    )
    found = load_classifier(out)
    assert isinstance(found, Ensemble)
    assert len(found.members) == 2
    assert "already" in fails("predict", out, inputs / "images", "-o", tmp_path / "p.csv", "--tta", "flip")


def test_distil_learns_from_labelled_and_unlabelled_images(inputs: Path, tmp_path: Path) -> None:
    ok("ensemble", inputs / "one", inputs / "two", "-o", tmp_path / "both")
    images = write_images(squares(2, seed=7), tmp_path / "images")
    for i, path in enumerate(sorted(write_images(squares(3, seed=8), tmp_path / "more").rglob("*.png"))):
        path.rename(images / f"unknown{i}.png")
    out = tmp_path / "student"
    command = ("distil", tmp_path / "both", images, "-r", inputs / "linear.toml", "-o", out)
    said = ok_json(*command)
    assert (said["card"]["train_images"], said["card"]["unlabelled_images"]) == (6, 9)
    student = load_classifier(out)
    assert not isinstance(student, Ensemble)
    assert student.recipe.stages[0].losses[0].name == "distillation"
    assert predicted(inputs, out, tmp_path / "p.csv").shape == (12, 3)
    assert "already exists" in fails(*command)
    assert "6 labelled and 9 unlabelled" in ok(*command, "--overwrite").replace("\n", " ")
    assert "not a saved model" in fails("distil", tmp_path / "nothing", images, *command[3:], "--overwrite")

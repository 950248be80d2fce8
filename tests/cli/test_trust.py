import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Picture

from handful.evaluation.results_log import read_results
from handful.saving.classifier import load_classifier
from tests.support.command_line import fails, files, ok, ok_json

CALIBRATED = ("--temperature", "--coverage", "0.8", "--reject", "0.1", "-s", "steps=4")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trust")
    files(folder, per_class=6)
    said = ok("fit", folder / "images", "-r", folder / "linear.toml", "-m", 4, *CALIBRATED, "-o", folder / "model")
    text = " ".join(said.split())
    assert "cross-fitted: 12 training images in 4 folds" in text
    assert "80 % for all classes together" in text
    assert "10 % of held-out training images (mahalanobis)" in text
    return folder


def test_predictions_come_with_a_set_and_an_honest_answer(inputs: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    Picture.fromarray(noise).save(tmp_path / "noise.png")
    said = ok_json("predict", inputs / "model", inputs / "images", "-o", tmp_path / "p.csv")
    assert "I do not know" in said["predictions"]
    assert sum(said["predictions"].values()) == 18
    table = pd.read_csv(tmp_path / "p.csv", keep_default_na=False)
    assert list(table.columns)[:7] == ["id", "label", "prediction", "probability", "answer", "typicality", "set"]
    told = table["answer"] != "I do not know"
    assert (table["answer"][told] == table["prediction"][told]).all()
    assert (table["typicality"][told] > 0.1).all()
    assert (table["typicality"][~told] <= 0.1).all()
    assert {name for cell in table["set"] for name in cell.split("|")} <= {"", "blue", "green", "red"}
    ok("predict", inputs / "model", inputs / "images", "-o", tmp_path / "p.parquet", "--coverage", "0.5")
    smaller = pd.read_parquet(tmp_path / "p.parquet")
    sizes = [[len([name for name in cell.split("|") if name]) for cell in t["set"]] for t in (table, smaller)]
    assert all(a >= b for a, b in zip(*sizes, strict=True))


def test_what_the_images_cannot_support_is_refused(inputs: Path, tmp_path: Path) -> None:
    said = fails("predict", inputs / "model", inputs / "images", "-o", tmp_path / "p.csv", "--coverage", "0.99")
    assert "need 99 training images, and there were 12" in " ".join(said.split())
    assert not (tmp_path / "p.csv").exists()
    fit = ("fit", inputs / "images", "-r", inputs / "linear.toml", "-o", tmp_path / "model")
    assert "needs 99 training images" in " ".join(fails(*fit, "--coverage", "0.99").split())
    assert "has one training image or group" in " ".join(fails(*fit, "-m", 1, "--coverage", "0.5").split())
    assert "needs 99 training images" in " ".join(fails(*fit, "--reject", "0.01").split())
    assert not (tmp_path / "model").exists()
    said = fails("predict", inputs / "model", inputs / "images", "-o", tmp_path / "p.csv", "--tta", "flip")
    assert "without views" in " ".join(said.split())


def test_evaluate_measures_calibration_and_the_card_keeps_it(inputs: Path, tmp_path: Path) -> None:
    log = tmp_path / "r.jsonl"
    evaluate = (
        "evaluate",
        inputs / "images",
        "-r",
        inputs / "linear.toml",
        "-m",
        4,
        "-n",
        2,
        *CALIBRATED,
        "--log",
        log,
    )
    said = ok(*evaluate, "--calibration")
    assert max(map(len, said.splitlines())) <= 60
    for word in ("ECE, %", "Brier", "log loss", "coverage, %", "set size", "rejected, %"):
        assert word in said
    values = ok_json(*evaluate, "--calibration")["calibration"]
    assert [v["draws"] for v in values] == [2] * 7
    runs = read_results(log)[0].runs
    assert all(r.sets is not None and r.rejected is not None for r in runs)
    card = ok_json("card", inputs / "model", "--log", log, "--use", "Sorting squares.", "--limits", "Circles.")
    assert card["scores"]["draws"] == 2
    text = (inputs / "model" / "CARD.md").read_text()
    assert text in ok("card", inputs / "model")
    for words in ("Sorting squares.", "Circles.", "Of this recipe on 2 draws", "| accuracy |", "coverage of sets"):
        assert words in text
    assert load_classifier(inputs / "model").card["use"] == "Sorting squares."
    other = ("evaluate", inputs / "images", "-r", inputs / "linear.toml", "-m", 3, "-n", 2, "-s", "steps=4")
    ok(*other, "--log", tmp_path / "other.jsonl")
    said = fails("card", inputs / "model", "--log", tmp_path / "other.jsonl")
    assert "no result of this model's recipe, classes and 12 training images" in " ".join(said.split())


def test_a_card_without_an_evaluation_says_that_nothing_was_measured(inputs: Path, tmp_path: Path) -> None:
    ok(
        "fit",
        inputs / "images",
        "-r",
        inputs / "cvs.toml",
        "--masks",
        inputs / "masks",
        "-s",
        "steps=2",
        "-o",
        tmp_path / "m",
    )
    text = (tmp_path / "m" / "CARD.md").read_text()
    for words in (
        "Not stated.",
        "None. A model says nothing",
        "Not measured",
        "No conformal sets",
        "Nothing is rejected",
    ):
        assert words in text
    kept = json.loads((tmp_path / "m" / "card.json").read_text())
    assert kept["data"]["masks"] == 18
    assert kept["data"]["fingerprint"] in text


def test_explain_draws_and_checks(inputs: Path, tmp_path: Path) -> None:
    said = ok("explain", inputs / "model", inputs / "images", "--masks", inputs / "masks", "-o", tmp_path / "maps")
    assert max(map(len, said.splitlines()[:-1])) <= 60
    assert "pointing game" in " ".join(said.split())
    assert len(list((tmp_path / "maps").rglob("*.png"))) == 18
    values = ok_json("explain", inputs / "model", inputs / "images", "-o", tmp_path / "maps", "--overwrite")
    assert values["masked"] == 0
    assert "--overwrite" in fails("explain", inputs / "model", inputs / "images", "-o", tmp_path / "maps")

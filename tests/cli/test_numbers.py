"""The command line on a table with a number per image: fit, predict, evaluate, and what is said of such labels."""

import csv
from pathlib import Path

import numpy as np

from handful.core.dataset import Dataset
from tests.support.command_line import fails, ok, ok_json, write_images
from tests.support.datasets import numbered_squares

FORM = ("--number", "side")
FAST = ("--recipe", "ridge", "--set", "image_size=[32,32]")


def table(data: Dataset, folder: Path) -> Path:
    write_images(data, folder)
    path = folder / "sizes.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "side"))
        for sample in data.samples:
            assert sample.target is not None
            rows.writerow((sample.id, f"{sample.target[0]:g}"))
    return path


def test_a_model_is_fitted_and_predicts_numbers(tmp_path: Path) -> None:
    train, test = (table(numbered_squares(40, seed=seed), tmp_path / f"data{seed}") for seed in (0, 1))
    model = tmp_path / "model"
    said = ok_json("fit", train, "-o", model, *FORM, *FAST)
    assert said["card"]["kind"] == "number"
    ok("predict", model, test, "-o", tmp_path / "p.csv", *FORM)
    with (tmp_path / "p.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    truth, predicted = (np.array([float(row[name]) for row in rows]) for name in ("side", "predicted side"))
    assert len(rows) == 40
    assert np.abs(predicted - truth).mean() < np.abs(np.median(truth) - truth).mean()
    again = ok("predict", model, train, "-o", tmp_path / "again.csv", *FORM).replace("\n", " ")
    assert "40 of these images are among those that the model learned from: on new ones it errs more." in again


def test_an_evaluation_shows_errors_beside_the_median(tmp_path: Path) -> None:
    data = table(numbered_squares(60), tmp_path / "data")
    shown = ok("evaluate", data, *FORM, *FAST, "-n", 2, "-m", 5, "--log", tmp_path / "log.jsonl")
    told = " ".join(shown.split())
    assert all(word in told for word in ("mean absolute error", "R2", "Spearman", "median"))
    assert max(len(line) for line in shown.splitlines()) <= 60


def test_a_column_that_the_table_lacks_is_named_with_the_nearest(tmp_path: Path) -> None:
    data = table(numbered_squares(20), tmp_path / "data")
    said = fails("fit", data, "-o", tmp_path / "m", "--number", "sied")
    assert "no column 'sied'" in said
    assert "did you mean 'side'?" in said


def test_what_takes_no_numbers_says_so_before_it_counts_them(tmp_path: Path) -> None:
    few = table(numbered_squares(8), tmp_path / "data")
    for command in (("compare", few), ("sweep", few, "-r", "ridge", "-m", 5)):
        said = fails(*command, "-o", tmp_path / "out", *FORM)
        assert "needs a class per image" in said or "need a class per image" in said
        assert "fifth" not in said

"""The command line on a table with several labels per image: fit, evaluate, predict, and what refuses it."""

import csv
from pathlib import Path

import pytest

from handful.core.dataset import Dataset
from handful.deployment.label_lists import list_of_names
from handful.saving.model_card import read_card
from tests.support.command_line import fails, ok, ok_json, write_images
from tests.support.datasets import several_squares

FORM = ("--multilabel", "|")
FAST = ("--recipe", "logistic-pixels", "--set", "image_size=[12,12]")


def table(data: Dataset, folder: Path) -> Path:
    write_images(data, folder)
    path = folder / "defects.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "label"))
        for sample in data.samples:
            assert sample.target is not None
            rows.writerow((sample.id, list_of_names(data.classes, sample.target == 1)))
    return path


def test_a_model_is_fitted_and_names_several_classes(tmp_path: Path) -> None:
    train = table(several_squares(40), tmp_path / "train")
    test = table(several_squares(10, seed=1), tmp_path / "test")
    model = tmp_path / "model"
    said = ok_json("fit", train, "-o", model, *FORM, *FAST, "--thresholds")
    assert said["card"]["kind"] == "multilabel"
    card = read_card(model)
    assert card is not None
    assert set(card[0]["calibration"]["thresholds"]) == {"blue", "green", "red"}
    shown = ok("predict", model, test)
    assert "`handful evaluate` measures it" in shown.replace("\n", " ")
    assert max(len(line) for line in shown.splitlines()) <= 60
    ok("predict", model, test, "-o", tmp_path / "p.csv", *FORM)
    with (tmp_path / "p.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    right = [set(row["label"].split("|")) == set(row["labels"].split("|")) for row in rows]
    assert len(rows) == 10
    assert sum(right) > 4
    image = ok_json("predict", model, test)["images"][0]
    assert {"id", "labels", "probabilities"} <= set(image)


def test_an_evaluation_shows_mean_ap_and_each_class(tmp_path: Path) -> None:
    data = table(several_squares(40), tmp_path / "data")
    command = ("evaluate", data, *FORM, *FAST, "-n", 2, "-m", 8, "--log", tmp_path / "log.jsonl")
    shown = ok(*command)
    assert all(word in shown for word in ("mean AP", "macro F1", "worst draw", "recall", "precision", "blue"))
    assert "--thresholds" in shown
    assert max(len(line) for line in shown.splitlines()) <= 60
    said = ok_json(*command)
    assert said["headline"] == "mean_average_precision"
    assert said["scores"]["mean_average_precision"]["draws"] == 2
    assert [row["name"] for row in said["classes"]] == ["blue", "green", "red"]


def test_a_run_says_mean_ap_and_each_class(tmp_path: Path) -> None:
    data, recipe = table(several_squares(40), tmp_path / "data"), tmp_path / "small.toml"
    recipe.write_text('extends = "logistic-pixels"\nimage_size = [12, 12]\n', encoding="utf-8")
    shown = ok("run", data, *FORM, "--recipe", recipe, "-o", tmp_path / "run")
    assert all(word in shown for word in ("Mean AP", "macro F1", "blue", "precision", "report.html"))
    assert (tmp_path / "run" / "model").is_dir()


def test_a_sweep_and_a_comparison_say_mean_ap(tmp_path: Path) -> None:
    data = table(several_squares(40), tmp_path / "data")
    common = (data, *FORM, *FAST, "--draws", 2)
    shown = ok("sweep", *common, "--per-class", "4,8", "-o", tmp_path / "s")
    assert "mean AP" in shown
    assert "Missed labels" in (tmp_path / "s" / "report.html").read_text(encoding="utf-8")
    said = ok_json("compare", *common, "-m", 8, "--no-controls", "--trials", 1, "-o", tmp_path / "c")
    assert said["levels"][0]["metric"] == "mean_average_precision"


def test_folders_in_which_a_picture_lies_twice(tmp_path: Path) -> None:
    data = several_squares(30)
    for sample in data.samples:
        assert sample.target is not None
        for c in sample.target.nonzero()[0]:
            write_images(Dataset((sample,), data.classes), tmp_path / "photos" / data.classes[int(c)])
    folders = ("--multilabel", "folders")
    assert ok_json("fit", tmp_path / "photos", "-o", tmp_path / "m", *folders, *FAST)["classes"] == list(data.classes)


@pytest.mark.parametrize(
    "command",
    [
        ("run", "-o", "out", "--per-class", "2"),
        ("run", "-o", "out", "--normal-class", "red"),
        ("compare", "-o", "out", "--recipe", "lda", "--per-class", "2"),
        ("sweep", "-o", "out", "--recipe", "lda", "--per-class", "2"),
        ("inspect", "--fix", "fixed.csv"),
        ("propagate", "--recipe", "cvs", "-o", "out"),
        ("evaluate", "--recipe", "cvs-matched", "--per-class", "2"),
    ],
    ids=lambda c: "-".join((c[0], c[-1].strip("-"))),
)
def test_what_needs_one_label_per_image_says_so_in_one_sentence(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = table(several_squares(12), tmp_path / "data")
    error = fails(command[0], data, *command[1:], *FORM)
    assert "one label per image" in error
    assert "several each" in error
    assert not (tmp_path / "out" / "results.jsonl").exists()


def test_probabilities_are_calibrated_by_class_and_that_is_measured(tmp_path: Path) -> None:
    data = table(several_squares(40), tmp_path / "data")
    calibrated = ("--temperature", "--thresholds")
    shown = ok("fit", data, "-o", tmp_path / "model", *FORM, *FAST, *calibrated)
    assert "each class by itself (cross-fitted: 40 training images in 5 folds)" in " ".join(shown.split())
    command = ("evaluate", data, *FORM, *FAST, "-n", 2, "-m", 8, *calibrated, "--calibration")
    shown = ok(*command)
    assert all(word in shown for word in ("calibration error", "Brier score of", "log loss of"))
    measures = {row["measure"]: row for row in ok_json(*command)["calibration"]}
    assert 0 < measures["calibration error, mean over classes"]["mean"] < 1
    assert measures["calibration error, mean over classes"]["target"] > 0
    out = ("-o", tmp_path / "out", "--recipe", "logistic-pixels", "--per-class", "8", "-n", 2)
    assert "log loss of" in ok("sweep", data, *out, "--set", "image_size=[12,12]", "--calibration", *FORM)

import csv
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Picture

from handful.core.progress import Progress
from handful.data.images import pixels
from handful.saving.classifier import load_classifier
from tests.support.command_line import fails, files, ok, ok_json, write_images
from tests.support.datasets import squares


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    files(folder)
    ok("fit", folder / "images", "-r", folder / "cvs.toml", "--masks", folder / "masks", "-o", folder / "model")
    return folder


HELP = """
import sys
import handful
from handful.cli import main
sys.argv = ["handful", "--help"]
try:
    main()
except SystemExit as stop:
    assert stop.code == 0
heavy = {"torch", "numpy", "pandas", "sklearn", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
"""


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_fits_sixty_columns() -> None:
    commands = [line.split()[0] for line in ok("--help").split("Commands:")[1].splitlines() if line.strip()]
    assert commands == [
        "demo",
        "recipes",
        "fit",
        "evaluate",
        "sweep",
        "compare",
        "propagate",
        "annotate",
        "predict",
        "explain",
        "ensemble",
        "distil",
        "export",
        "serve",
        "hierarchy",
        "inspect",
        "labels",
        "card",
        "cost",
    ]
    for command in commands:
        text = ok(command, "--help")
        assert "--json" in text
        assert max(len(line) for line in text.splitlines()) <= 60


def test_version_and_module() -> None:
    assert ok("--version").startswith("handful 0.")
    command = [sys.executable, "-m", "handful", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ok("--version")


def test_recipes_lists_each_and_prints_one(place: Path) -> None:
    from handful.recipes.load import from_toml, recipe_names

    listed = ok("recipes")
    assert max(len(line) for line in listed.splitlines()) <= 60
    assert all(name in listed for name in recipe_names())
    assert [r["name"] for r in ok_json("recipes")["recipes"]] == list(recipe_names())
    text = ok("recipes", place / "cvs.toml", "--set", "steps=7")
    assert from_toml(text, where="printed").stages[0].steps == 7
    assert ok_json("recipes", place / "cvs.toml")["recipe"]["name"] == "cvs"


def test_fit_saves_what_predicts(place: Path) -> None:
    classifier = load_classifier(place / "model")
    assert classifier.classes == ("blue", "green", "red")
    assert classifier.card["train_images"] == 12


def test_fit_draws_and_says_so(place: Path, tmp_path: Path) -> None:
    said = ok_json("fit", place / "images", "-r", place / "linear.toml", "-m", 2, "--seed", 3, "-o", tmp_path / "a")
    assert said["card"]["images_per_class"] == {"blue": 2, "green": 2, "red": 2}
    assert said["card"]["seed"] == 3
    text = ok("fit", place / "images", "-r", place / "linear.toml", "-m", 2, "-o", tmp_path / "b")
    assert "6 images of 3 classes (2 each)" in text


def test_fit_learns_from_the_folder_unlabelled_where_a_recipe_labels_it(place: Path, tmp_path: Path) -> None:
    images = write_images(squares(2, seed=1), tmp_path / "images")
    write_images(squares(3, seed=2), images / "unlabelled")
    guess = 'prepare=[{name="pseudo_label",recipe="logistic-pixels",share=1.0}]'
    text = ok("fit", images, "-r", place / "linear.toml", "--set", guess, "-o", tmp_path / "model")
    assert "6 images of 3 classes (2 each), and 9 unlabelled" in " ".join(text.split())


def test_fit_stopped_by_ctrl_c_goes_on_with_resume(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("fit", place / "images", "-r", place / "cvs.toml", "--masks", place / "masks", "-o", tmp_path / "m")
    advance, seen = Progress.advance, []

    def stop_at_seven(self: Progress, loss: float, steps: int = 1) -> None:
        seen.append(steps)
        if sum(seen) == 7:
            os.kill(os.getpid(), signal.SIGINT)
        advance(self, loss, steps)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "advance", stop_at_seven)
        said = fails(*command, code=130)
    assert "continue with the same command and --resume" in said
    assert "--resume, or --overwrite" in fails(*command)
    ok(*command, "--resume")
    whole, resumed = load_classifier(place / "model"), load_classifier(tmp_path / "m")
    data = squares(2, seed=5)
    np.testing.assert_array_equal(whole.probabilities(data), resumed.probabilities(data))


def test_predict_writes_the_same_as_csv_and_parquet(place: Path, tmp_path: Path) -> None:
    said = ok_json("predict", place / "model", place / "images", "-o", tmp_path / "p.csv")
    assert said["rows"] == 12
    assert sum(said["predictions"].values()) == 12
    ok("predict", place / "model", place / "images", "-o", tmp_path / "p.parquet")
    text = pd.read_csv(tmp_path / "p.csv")
    binary = pd.read_parquet(tmp_path / "p.parquet")
    assert list(text.columns) == ["id", "label", "prediction", "probability", "p_blue", "p_green", "p_red"]
    pd.testing.assert_frame_equal(text, binary, check_dtype=False, rtol=1e-5)
    assert text["label"].tolist() == [name.split("/")[0] for name in text["id"]]
    chances = binary[["p_blue", "p_green", "p_red"]].to_numpy()
    assert chances.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert binary["probability"].to_numpy() == pytest.approx(chances.max(axis=1))


def test_predict_draws_maps_over_images_without_labels_at_their_own_size(place: Path, tmp_path: Path) -> None:
    data = squares(1, size=30, seed=9, masks=False)
    images = write_images(data, tmp_path / "new" / "unlabelled")
    ok("predict", place / "model", images.parent, "-o", tmp_path / "p.csv", "--maps", tmp_path / "maps")
    table = list(csv.DictReader((tmp_path / "p.csv").open()))
    assert "label" not in table[0]
    for row in table:
        with Picture.open(tmp_path / "maps" / f"{row['id']}.png") as map_:
            assert map_.size == (30, 30)
    assert (tmp_path / "maps" / "legend.csv").read_text().splitlines()[0] == "class,colour"


def test_predict_in_several_chunks_is_predict_in_one(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ok("predict", place / "model", place / "images", "-o", tmp_path / "one.csv")
    for suffix in (".csv", ".parquet"):
        monkeypatch.setattr("handful.deployment.predict_table.CHUNK", 5)
        ok("predict", place / "model", place / "images", "-o", tmp_path / f"several{suffix}")
    whole = pd.read_csv(tmp_path / "one.csv")
    for parts in (pd.read_csv(tmp_path / "several.csv"), pd.read_parquet(tmp_path / "several.parquet")):
        pd.testing.assert_frame_equal(whole, parts, check_dtype=False, rtol=1e-4)


def test_a_failed_prediction_leaves_nothing(place: Path, tmp_path: Path) -> None:
    images = write_images(squares(1, seed=4), tmp_path / "images")
    next(images.rglob("*.png")).write_bytes(b"no image")
    said = fails("predict", place / "model", images, "-o", tmp_path / "p.csv", "--maps", tmp_path / "maps")
    assert "0.png" in said.replace("\n", "")
    assert {p.name for p in tmp_path.iterdir()} == {"images"}


def test_evaluate_says_draws_interval_and_worst(place: Path, tmp_path: Path) -> None:
    log = tmp_path / "runs.jsonl"
    command = ("evaluate", place / "images", "-r", place / "linear.toml", "-n", 2, "-m", 2, "--log", log)
    text = ok(*command)
    assert all(word in text for word in ("draws", "95 % interval", "worst", "re-split"))
    assert max(len(line) for line in text.splitlines()) <= 60
    assert len(log.read_text().splitlines()) == 2
    scores = ok_json(*command)["scores"]  # from the log
    assert len(log.read_text().splitlines()) == 2
    assert scores["accuracy"]["draws"] == 2
    assert set(scores) == {"accuracy", "balanced_accuracy", "macro_f1"}


def test_evaluate_cross_validates(place: Path) -> None:
    said = ok_json("evaluate", place / "images", "-r", place / "linear.toml", "-n", 1, "-k", 2)
    assert said["scores"]["accuracy"]["runs"] == 2
    assert [row["images"] for row in said["recall"]] == [4, 4, 4]


def test_propagate_writes_masks_that_can_be_used(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("propagate", place / "images", "--masks", place / "masks", "-r", place / "cvs.toml", "-o", out)
    said = ok_json(*command, "-m", 2, "--set", "steps=60")
    assert said["kept"] == 6
    assert said["propagated"] + len(said["dropped"]) == 6
    assert said["quality"]["all"]["iou"] > 0.3
    assert {p.name for p in out.iterdir()} == {"masks", "contact-sheet.png", "quality.csv", "propagation.json"}
    with Picture.open(out / "contact-sheet.png") as sheet:
        assert sheet.size[0] > 4 * 128
    assert "already exists" in fails(*command, "-m", 2)
    again = ok(*command, "-m", 1, "--overwrite", "--set", "steps=20")
    assert "IoU" in again or "0 masks" in again
    fitted = ("fit", place / "images", "--masks", out / "masks", "-r", place / "cvs.toml", "-o", tmp_path / "model")
    assert "12 images" in ok(*fitted, "--set", "steps=2")


def test_propagate_without_any_mask_makes_the_first_ones(place: Path, tmp_path: Path) -> None:
    data = squares(3, seed=6, masks=False)
    black = [replace(s, image=pixels(s) * (pixels(s) >= 60).astype(np.uint8)) for s in data.samples]
    images = write_images(replace(data, samples=tuple(black)), tmp_path / "images")
    command = ("propagate", images, "-r", place / "cvs.toml", "--source", "binarize", "-m", 1, "--set", "steps=40")
    said = ok_json(*command, "-o", tmp_path / "out")
    assert said["kept"] == 3
    assert said["propagated"] + len(said["dropped"]) == 6
    assert said["quality"] == {}
    model = ok_json("propagate", images, "--model", place / "model", "-o", tmp_path / "other")
    assert model["kept"] == 0
    masked = ("--source", "grabcut", "--masks", place / "masks")
    assert "masks are given twice: by --masks and by --source" in fails(
        "propagate", place / "images", *masked, "-o", tmp_path / "third"
    )


def test_evaluate_draws_a_long_tail_and_tells_it(tmp_path: Path) -> None:
    files(tmp_path, per_class=8)
    log = tmp_path / "runs.jsonl"
    tail = ("--long-tail", 3, "--per-class", 6, "-n", 2, "--log", log)
    command = ("evaluate", tmp_path / "images", "-r", tmp_path / "linear.toml", *tail, "--set", "steps=2")
    text = ok(*command)
    assert max(len(line) for line in text.splitlines()) <= 60
    assert all(word in text for word in ("balanced", "6:2", "larger", "medium", "smaller"))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["long_tail"], line["counts"]) for line in lines] == [(3, [6, 3, 2])] * 2
    said = ok_json(*command)  # from the log
    assert len(log.read_text().splitlines()) == 2
    assert said["headline"] == "balanced_accuracy"
    row = said["scores"]["balanced_accuracy"]
    assert (row["per_class"], row["smallest"]) == (6, 2)
    assert [(t["name"], t["most"]) for t in row["thirds"]] == [("larger", 6), ("medium", 3), ("smaller", 2)]
    ok_json(*command, "--tail-order", "seeded")
    assert len(log.read_text().splitlines()) == 4
    assert "--per-class" in fails("evaluate", tmp_path / "images", "-r", tmp_path / "linear.toml", "--long-tail", 3)


def test_sweep_over_long_tails(tmp_path: Path) -> None:
    files(tmp_path, per_class=8)
    command = ("sweep", tmp_path / "images", "-r", tmp_path / "linear.toml", "-m", "3,6", "--long-tail", 3, "-n", 2)
    said = ok_json(*command, "-o", tmp_path / "out", "--set", "steps=2")
    assert said["headline"] == "balanced_accuracy"
    assert [(row["per_class"], row["smallest"]) for row in said["scores"]] == [(3, 1), (6, 2)]
    assert "Larger, medium and smaller classes" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")

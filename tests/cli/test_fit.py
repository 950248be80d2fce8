import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from handful.core.progress import Progress
from handful.saving.classifier import load_classifier
from tests.support.command_line import fails, ok, ok_json, write_images
from tests.support.datasets import squares


def test_fit_saves_what_predicts(inputs: Path) -> None:
    classifier = load_classifier(inputs / "model")
    assert classifier.classes == ("blue", "green", "red")
    assert classifier.card["train_images"] == 12


def test_fit_draws_and_says_so(inputs: Path, tmp_path: Path) -> None:
    said = ok_json("fit", inputs / "images", "-r", inputs / "linear.toml", "-m", 2, "--seed", 3, "-o", tmp_path / "a")
    assert said["card"]["images_per_class"] == {"blue": 2, "green": 2, "red": 2}
    assert said["card"]["seed"] == 3
    text = ok("fit", inputs / "images", "-r", inputs / "linear.toml", "-m", 2, "-o", tmp_path / "b")
    assert "6 images of 3 classes (2 each)" in text


def test_fit_learns_from_the_folder_unlabelled_where_a_recipe_labels_it(inputs: Path, tmp_path: Path) -> None:
    images = write_images(squares(2, seed=1), tmp_path / "images")
    write_images(squares(3, seed=2), images / "unlabelled")
    guess = 'prepare=[{name="pseudo_label",recipe="logistic-pixels",share=1.0}]'
    text = ok("fit", images, "-r", inputs / "linear.toml", "--set", guess, "-o", tmp_path / "model")
    assert "6 images of 3 classes (2 each), and 9 unlabelled" in " ".join(text.split())


def test_fit_says_how_many_images_have_a_mask(inputs: Path, tmp_path: Path) -> None:
    drawn = tmp_path / "masks"
    shutil.copytree(inputs / "masks", drawn)
    for file in sorted(drawn.rglob("*.png"))[1::2]:
        file.unlink()
    n, given = len(list((inputs / "masks").rglob("*.png"))), len(list(drawn.rglob("*.png")))
    learn = ("fit", inputs / "images", "-r", inputs / "cvs.toml", "--masks", drawn)
    text = " ".join(ok(*learn, "-o", tmp_path / "few").split())
    assert f"masks {given} of {n} images have one took" in text
    rest = 'prepare=[{name="binarize",rule="otsu"}]'
    text = " ".join(ok(*learn, "--set", rest, "-o", tmp_path / "all").split())
    assert f"masks {n} of {n} images have one; {given} were given, the recipe made the others took" in text
    assert load_classifier(tmp_path / "all").card["masks"] == n
    assert "masks" not in ok("fit", inputs / "images", "-r", inputs / "linear.toml", "-o", tmp_path / "none")


def test_fit_stopped_by_ctrl_c_goes_on_with_resume(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("fit", inputs / "images", "-r", inputs / "cvs.toml", "--masks", inputs / "masks", "-o", tmp_path / "m")
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
    whole, resumed = load_classifier(inputs / "model"), load_classifier(tmp_path / "m")
    data = squares(2, seed=5)
    np.testing.assert_array_equal(whole.probabilities(data), resumed.probabilities(data))

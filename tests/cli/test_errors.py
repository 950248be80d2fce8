import os
import re
from importlib import import_module
from pathlib import Path

import pytest

from handful.cli._batch import UNREADABLE
from handful.cli._errors import FAULT, STOPPED, USER_ERROR
from handful.cli._stop import CLOSED
from tests.support.command_line import fails, files, ok, run, write_images
from tests.support.datasets import squares

TAKEN = "# mine\n"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    files(folder)
    return folder


def forbid_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*arguments: object, **options: object) -> None:
        raise AssertionError("trained")

    # All are imported before the first is changed: a module that is first imported later would keep the changed one.
    names = (
        "handful.training.train",
        "handful.automl.fit",
        "handful.automl.select_and_train",
        "handful.evaluation.job",
        "handful.evaluation.retrain",
        "handful.estimator",
    )
    monkeypatch.setattr(import_module("handful.automl.estimate"), "time_first_steps", train)
    for module in [import_module(name) for name in names]:
        monkeypatch.setattr(module, "train", train)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("fit", "images", "-r", "liner", "-o", "out"), "unknown recipe 'liner'"),
        (("fit", "images", "-r", "linear.tml", "-o", "out"), "unknown recipe"),
        (("fit", "images", "-r", "linear.toml", "--set", "head.pol=1", "-o", "out"), "unknown option 'pol'"),
        (("fit", "images", "-r", "linear.toml", "--set", "steps", "-o", "out"), "write key=value"),
        (("fit", "imges", "-r", "linear.toml", "-o", "out"), "imges"),
        (("fit", "images", "-r", "linear.toml", "-m", "5", "-o", "out"), "class 'blue'"),
        (("fit", "images", "-r", "linear.toml", "--masks", "mask", "-o", "out"), "mask"),
        (("fit", "images", "-r", "linear.toml", "--device", "gpu", "-o", "out"), "unknown device 'gpu'"),
        (("fit", "images", "-r", "linear.toml", "--column", "path", "-o", "out"), "ROLE=NAME"),
        (("evaluate", "images", "-r", "linear.toml"), "none is left to score"),
        (("evaluate", "images", "-r", "linear.toml", "-k", "5"), "class 'blue'"),
        (("evaluate", "images", "-r", "linear.toml", "-m", "4"), "none is left to score"),
        (("sweep", "images", "-r", "linear.toml", "-m", "1,x", "-o", "out"), "not a list of numbers"),
        (("sweep", "images", "-r", "linear.toml", "-m", "1,9", "-o", "out"), "class 'blue'"),
        (("propagate", "images", "-r", "cvs.toml", "-o", "out"), "masks"),
        (("propagate", "images", "-r", "cvs.toml", "--min-share", "1", "-o", "out"), "no mask can pass both limits"),
        (("predict", "images", "images", "-o", "p.csv"), "not a saved model"),
        (("predict", "model", "images", "-o", "p.txt"), "not a .csv or .parquet file"),
        (("cost", "nothing.jsonl"), "no such file"),
        (("recipes", "cvs-wm"), "did you mean"),
    ],
)
def test_a_users_error_is_one_paragraph_before_any_training(
    arguments: tuple[str, ...], says: str, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(inputs)
    forbid_training(monkeypatch)
    said = fails(*arguments)
    assert says in " ".join(said.split())
    assert said.startswith("Error: ")
    assert "Remedy: " in said
    assert not (inputs / "out").exists()
    assert "Error" in fails(*arguments, "--json")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("fit", "images", "-r", "knn", "-o", "out", "--per-class", "0"), "'--per-class' / '-m'"),
        (("fit", "images", "-r", "knn", "-o", "out", "--track", "wandb"), "'wandb' is not one of"),
        (("fit", "images", "-r", "knn"), "Missing option"),
        (("fit", "images", "-r", "knn", "--everything", "--out", "somewhere"), "--everything"),
    ],
)
def test_wrong_options_are_wrapped_in_the_words_of_the_command_line(
    arguments: tuple[str, ...], says: str, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(inputs)
    said = run(*arguments).stderr
    assert all(len(line) <= 60 for line in said.splitlines())
    assert "handful fit --help" in said
    assert says in said.partition("Error: ")[2].replace("\n", " ")
    assert "Value error" not in said
    assert "Input should" not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "images", "-r", "linear.toml", "-o", "taken"),
        ("sweep", "images", "-r", "linear.toml", "-m", "1", "-o", "taken"),
        ("propagate", "images", "--masks", "masks", "-r", "cvs.toml", "-o", "taken"),
        ("demo", "-o", "taken"),
    ],
)
@pytest.mark.parametrize("option", [(), ("--overwrite",)])
def test_a_folder_of_something_else_is_never_touched(
    arguments: tuple[str, ...], option: tuple[str, ...], inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(inputs)
    forbid_training(monkeypatch)
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.tex").write_text(TAKEN)
    command = [taken if word == "taken" else word for word in arguments]
    said = fails(*command, *option)
    assert any(words in said for words in ("holds other files (thesis.tex)", "this is a folder", "already exists"))
    assert [p.name for p in taken.iterdir()] == ["thesis.tex"]


def test_overwriting_a_model_is_asked_for_before_training(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("fit", inputs / "images", "-r", inputs / "linear.toml", "--set", "steps=2", "-o", tmp_path / "model")
    ok(*command)
    with monkeypatch.context() as patch:
        forbid_training(patch)
        assert "pass --overwrite" in fails(*command)
    before = (tmp_path / "model" / "weights.safetensors").read_bytes()
    ok(*command, "--overwrite", "--seed", 1)
    assert (tmp_path / "model" / "weights.safetensors").read_bytes() != before


def test_a_loss_that_is_not_finite_stops_the_fit_with_advice(inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    said = fails(
        "fit", inputs / "images", "-r", inputs / "linear.toml", "--set", "lr=1e8", "--set", "steps=200", "-o", out
    )
    assert "not finite" in said
    assert "learning rate" in " ".join(said.split())
    assert not (out / "weights.safetensors").exists()


def test_duplicates_are_a_note_and_with_strict_an_error(inputs: Path, tmp_path: Path) -> None:
    data = squares(2)
    images = write_images(data, tmp_path / "images")
    first = sorted((images / "red").iterdir())[0]
    (images / "blue" / "copy.png").write_bytes(first.read_bytes())
    command = ("evaluate", images, "-r", inputs / "linear.toml", "-m", 1, "-n", 1, "--set", "steps=1")
    from tests.support.command_line import run

    noted = run(*command)
    assert noted.exit_code == 0
    assert noted.stderr.startswith("Note: the same picture is in several classes")
    assert "--strict" in fails(*command, "--strict")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_written(inputs: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    said = fails("fit", inputs / "images", "-r", inputs / "linear.toml", "--set", "steps=2", "-o", locked / "model")
    assert "locked" in said
    assert "Remedy" in said


def test_a_file_where_a_folder_should_go(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(TAKEN)
    for command in (("fit", inputs / "images", "-r", inputs / "linear.toml"), ("demo",)):
        assert "this is a file" in fails(*command, "-o", tmp_path / "file", "--overwrite")
    assert (tmp_path / "file").read_text() == TAKEN
    below = (
        "fit",
        inputs / "images",
        "-r",
        inputs / "linear.toml",
        "--set",
        "steps=2",
        "-o",
        tmp_path / "file" / "model",
    )
    assert "Error" in fails(*below)


def test_an_argument_that_is_missing_or_misspelt_names_the_right_one() -> None:
    from tests.support.command_line import run

    assert "DATA" in run("fit").stderr
    assert "--recipe" in run("fit", "x", "--recpe", "y").stderr
    assert "fit" in run("fot").stderr


def test_a_shared_message_names_no_option_that_the_command_lacks(inputs: Path, tmp_path: Path) -> None:
    data = (inputs / "images", "-r", inputs / "linear.toml", "-m", 4)
    assert "--folds 5" in fails("evaluate", *data)
    said = fails("sweep", *data, "-o", tmp_path / "out")
    assert "draw fewer per class." in said
    assert "--folds" not in said


def test_the_guide_states_every_exit_code() -> None:
    guide = Path(__file__).parents[2] / "docs/guide/command-line.md"
    stated = {int(code) for code in re.findall(r"^\| (\d+) \|", guide.read_text(encoding="utf-8"), re.MULTILINE)}
    assert stated == {0, CLOSED, USER_ERROR, UNREADABLE, FAULT, STOPPED}

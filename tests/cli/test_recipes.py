import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import ok, ok_json


def test_recipes_lists_each_and_prints_one(inputs: Path) -> None:
    from handful.recipes.load import from_toml, recipe_names

    listed = ok("recipes")
    assert max(len(line) for line in listed.splitlines()) <= 60
    assert all(name in listed for name in recipe_names())
    said = ok_json("recipes")["recipes"]
    assert [r["name"] for r in said] == list(recipe_names())
    assert set(said[0]) == {"name", "fingerprint", "purpose", "paper", "what", "command", "expected", "time"}
    text = ok("recipes", inputs / "cvs.toml", "--set", "steps=7")
    assert from_toml(text, where="printed").stages[0].steps == 7
    assert ok_json("recipes", inputs / "cvs.toml")["recipe"]["name"] == "cvs"


def test_an_explanation_and_the_recipe_are_one_toml_file() -> None:
    from handful.recipes.load import from_toml, load_recipe

    text = ok("recipes", "cvs-wrn")
    assert text.startswith("# cvs-wrn\n")
    assert "# Control   classification-wrn" in text
    assert from_toml(text, where="mine.toml") == load_recipe("cvs-wrn")


LIGHT = (
    *("recipes", "recipes --json", "recipes cvs-wrn", "cost LOG", "cost LOG --json", "card MODEL", "card MODEL --json"),
    *(f"{command} --help" for command in ("labels", "cost", "card", "inspect", "hierarchy")),
)


@pytest.mark.parametrize("arguments", LIGHT)
def test_what_does_not_train_imports_no_pytorch(arguments: str, inputs: Path, log: Path) -> None:
    code = f"""
import sys
from handful.cli import main
sys.argv = ["handful", *{arguments.replace("LOG", str(log)).replace("MODEL", str(inputs / "model")).split(" ")!r}]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
heavy = {{"torch", "torchvision", "timm", "sklearn.linear_model", "matplotlib"}} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.fixture(scope="module")
def log(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scores") / "results.jsonl"
    options = ("--folds", 2, "--masks", inputs / "masks", "--log", path)
    ok("evaluate", inputs / "images", "-r", inputs / "cvs.toml", *options)
    return path

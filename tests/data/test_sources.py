"""Paths and names that are wrong: suggestions, and no import that takes time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from handful.data.load import load_data
from handful.data.readers.torchvision import SETS
from handful.data.sources import MOST_USED, TORCHVISION_NAMES, refuse_missing
from handful.errors import DataError
from tests.data.noise_images import save_noise_image


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("Coffee leaves 2026/healthy/a.png", "Coffee leaves 2026/rust/b.png", "tiles/crack/Imgs/c.jpg"):
        save_noise_image(tmp_path / name)
    save_noise_image(tmp_path / "tiles/free/Imgs/d.jpg")
    (tmp_path / "labels.csv").write_text("path\n")
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Cofee", "Coffee leaves 2026"),
        ("coffee leaves", "Coffee leaves 2026"),
        ("tile", "tiles"),
        ("label.csv", "labels.csv"),
        ("tiles/crak", "tiles/crack"),
        ("tles/crack", "tiles/crack"),
        ("mnist5", "mnist5k"),
        ("MNIST", "torchvision:MNIST"),
    ],
)
def test_the_name_that_is_alike_is_suggested(here: Path, typed: str, meant: str) -> None:
    with pytest.raises(DataError, match="no such file or folder") as caught:
        load_data(typed)
    assert repr(meant) in caught.value.remedy
    assert "did you mean" in caught.value.remedy


def test_where_nothing_is_alike_the_list_is_short(here: Path) -> None:
    with pytest.raises(DataError) as caught:
        refuse_missing("zzz")
    assert all(name in caught.value.remedy for name in MOST_USED)
    assert len(caught.value.remedy) < 250
    with pytest.raises(DataError, match="check the path"):
        refuse_missing("nowhere/zzz")


def test_what_exists_or_is_a_name_passes(here: Path) -> None:
    refused = []
    for source in ("tiles", "labels.csv", "digits", "torchvision:SVHN", here, here / "digits", "./digits", "SVHN"):
        try:
            refuse_missing(source)
        except DataError as error:
            refused.append(error.where)
    assert refused == [here / "digits", "./digits", "SVHN"], "names are no paths, and paths no names"


def test_the_names_of_torchvision_are_those_of_its_reader() -> None:
    assert tuple(SETS) == TORCHVISION_NAMES


@pytest.mark.parametrize(
    ("given", "above"), [("Coffee leaves 2026/healthy", "Coffee leaves 2026"), ("tiles/crack/Imgs", "tiles")]
)
def test_one_level_too_deep(here: Path, given: str, above: str) -> None:
    with pytest.raises(DataError, match="not in a class folder") as caught:
        load_data(given)
    assert f"give the folder above: {above!r}" in caught.value.remedy
    assert len(load_data(given, unlabelled=True)) == 1


def test_a_command_answers_before_it_imports(here: Path) -> None:
    code = (
        "import sys; from handful.cli import app\n"
        "try: app(['run', 'tile'])\n"
        "except SystemExit as end: print(end.code, *(m for m in ('torch', 'numpy', 'sklearn') if m in sys.modules))\n"
    )
    environment = {**os.environ, "HANDFUL_COMMAND_LINE": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert "did you mean 'tiles'?" in done.stderr
    assert done.stdout.split() == ["2"]

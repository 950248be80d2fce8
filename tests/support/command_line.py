"""Files on disk for the command-line tests, and a way to run commands in this process."""

import json
import os
from pathlib import Path
from typing import Any

from PIL import Image as Picture
from typer.testing import CliRunner, Result

from handful.cli import app
from handful.core.dataset import Dataset
from handful.data.masks.image_file import write_masks
from handful.recipes.write import to_toml
from tests.support.datasets import recipe, squares


def run(*arguments: object) -> Result:
    """A command's exit code, standard output and standard error; what it raised by mistake is raised here."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "60"}, terminal_width=60)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def ok(*arguments: object) -> str:
    """Standard output of a command that succeeds."""
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def ok_json(*arguments: object) -> dict[str, Any]:
    """The one JSON object that a command prints."""
    value = json.loads(ok(*arguments, "--json"))
    assert isinstance(value, dict)
    return value


def fails(*arguments: object, code: int = 2) -> str:
    """Standard error, in one line, of a command that ends with this code and prints no result."""
    result = run(*arguments)
    assert result.exit_code == code, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return " ".join(result.stderr.split())


def write_images(data: Dataset, folder: Path) -> Path:
    """The samples as image files."""
    for sample in data.samples:
        assert not isinstance(sample.image, Path)
        path = folder / sample.id
        path.parent.mkdir(parents=True, exist_ok=True)
        Picture.fromarray(sample.image.transpose(1, 2, 0)).save(path)
    return folder


def files(folder: Path, *, per_class: int = 4) -> None:
    """`images/`, `masks/` and the recipes `linear.toml` and `cvs.toml`, all tiny, below a folder."""
    data = squares(per_class)
    write_images(data, folder / "images")
    write_masks(data, folder / "masks")
    (folder / "linear.toml").write_text(to_toml(recipe("linear", "name=linear")))
    (folder / "cvs.toml").write_text(to_toml(recipe("segmentation", "name=cvs")))


def grouped_table(images: Path, folder: Path) -> Path:
    """A table of an image folder in which two images of a class at a time are a group."""
    rows = ["path,label,group"]
    for place in sorted(path for path in images.iterdir() if path.is_dir()):
        for i, path in enumerate(sorted(place.iterdir())):
            rows.append(f"{os.path.relpath(path, folder)},{place.name},{place.name}-{i // 2}")
    table = folder / "groups.csv"
    table.write_text("\n".join(rows) + "\n")
    return table

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import fails

TORCHLESS = """
import sys
from handful.cli import app
print(app(sys.argv[1:], standalone_mode=False), "torch" in sys.modules)
"""


@pytest.mark.parametrize("option", ["--backbone=resnet81", "--recipe=logistc", "--recipe=logistic@resnet81"])
def test_a_mistyped_name_is_refused_before_the_data_are_read_and_pytorch_is_imported(option: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TORCHLESS, "fit", "no-images", option, "--out", "model"], capture_output=True, text=True
    )
    assert ended.stdout == "2 False\n", ended.stderr
    assert "did you mean" in ended.stderr


@pytest.mark.parametrize("command", ["run", "fit", "evaluate", "compare", "sweep", "annotate", "propagate", "inspect"])
def test_every_command_with_a_backbone_knows_its_names(command: str) -> None:
    assert "did you mean 'resnet18'" in fails(command, "no-images", "--backbone", "resnet81")


@pytest.mark.parametrize("command", ["run", "fit", "evaluate", "compare", "sweep", "annotate", "propagate", "distil"])
def test_every_command_with_a_recipe_knows_its_names(command: str) -> None:
    assert "unknown recipe 'logistc'" in fails(command, *["no-images"] * (1 + (command == "distil")), "-r", "logistc")
    said = fails(command, *["no-images"] * (1 + (command == "distil")), "-r", "knn@resnet81")
    assert "did you mean 'resnet18'" in said


def test_several_backbones_are_looked_up_one_by_one() -> None:
    assert "did you mean 'lite2'" in fails("compare", "no-images", "--backbone", "lite0,lite3")


@pytest.mark.parametrize("command", ["fit", "inspect", "compare", "run"])
def test_an_empty_backbone_is_refused_before_the_data_is_read(command: str, tmp_path: Path) -> None:
    assert "no backbone is named" in fails(command, tmp_path / "nowhere", "--backbone", "")

import subprocess
import sys
from pathlib import Path

from handful.automl.stopped import after_stop
from handful.errors import command_line


def test_a_run_that_is_stopped_names_the_command_for_its_model(tmp_path: Path) -> None:
    folder = tmp_path / "my photos"
    with command_line():
        assert "no model yet" in after_stop(folder)
        (folder / "model").mkdir(parents=True)
        (folder / "model" / "weights.safetensors").touch()
        assert f"`handful predict '{folder}' NEW_IMAGES` works" in after_stop(folder)


def test_a_stop_imports_no_torch() -> None:
    code = "import sys, handful.automl.stopped; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"

"""Two processes with one output: each command refuses at its start what another process is writing."""

from pathlib import Path

import pytest

from handful.core.files import lock_output
from handful.deployment.batch.plan import LOCK
from tests.support.command_line import fails, ok

COMMANDS = {
    "fit": ("fit", "images", "-r", "linear.toml", "-o", "out"),
    "ensemble": ("ensemble", "model", "model", "-o", "out"),
    "distil": ("distil", "model", "images", "-r", "linear.toml", "-o", "out"),
    "pretrain": ("pretrain", "images", "-r", "contrastive-wrn", "-o", "out"),
    "export": ("export", "model", "-o", "out.onnx"),
    "propagate": ("propagate", "images", "--masks", "masks", "-o", "out"),
    "predict": ("predict", "model", "images", "-o", "out.csv"),
    "predict maps": ("predict", "model", "images", "-o", "table.csv", "--maps", "out"),
    "explain": ("explain", "model", "images", "-o", "out"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_another_process_writes_is_refused(name: str, inputs: Path, tmp_path: Path) -> None:
    command = [
        tmp_path / word if word.startswith(("out", "table")) else inputs / word if (inputs / word).exists() else word
        for word in COMMANDS[name]
    ]
    output = next(tmp_path / word for word in COMMANDS[name] if word.startswith("out"))
    (tmp_path / f".{output.name}.lock").touch()  # of a process that was killed
    with lock_output(output):
        assert "another process is writing" in fails(*command)
    assert list(tmp_path.iterdir()) == []
    if name not in ("propagate", "export", "pretrain"):  # which take minutes
        ok(*command)
        assert not (tmp_path / f".{output.name}.lock").exists()


def test_an_archive_job_is_refused_too(inputs: Path, tmp_path: Path) -> None:
    command = ("predict", inputs / "model", inputs / "images", "-o", tmp_path / "out")
    ok(*command)
    with lock_output(tmp_path / "out", lock=tmp_path / "out" / LOCK):
        assert "another process is writing to this folder" in fails(*command)
    ok(*command)

from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_cli import COMMANDS
from tests.support.command_line import fails, ok_json

READING = [name for name, command in COMMANDS.items() if any(p.name == "allow_outside" for p in command.params)]


def idx_file(array: np.ndarray) -> bytes:
    """An array in the format of the MNIST files: type, dimensions, big-endian lengths, bytes."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


@pytest.mark.parametrize("command", READING)
def test_every_command_that_reads_data_takes_torchvision_sets(command: str) -> None:
    assert {"root", "download", "columns"} <= {p.name for p in COMMANDS[command].params}


def test_a_torchvision_set_is_read_from_its_root(tmp_path: Path) -> None:
    folder = tmp_path / "sets/FashionMNIST/raw"
    folder.mkdir(parents=True)
    for part, n in (("train", 20), ("t10k", 10)):
        images = np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx_file(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx_file(np.arange(n, dtype=np.uint8) % 10))
    command = ("evaluate", "torchvision:FashionMNIST", "-r", "logistic-pixels", "--draws", 1)
    assert ok_json(*command, "--root", tmp_path / "sets")["scores"]["accuracy"]["n_test"] == 10
    said = fails(*command, "--root", tmp_path / "other")
    assert "--root FOLDER" in said
    assert "--download" in said
    assert "download=True" not in said

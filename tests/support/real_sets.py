"""A folder like that of the real data sets (bench/README.md), of noise and a few images."""

import tomllib
from pathlib import Path
from typing import Any

import bench.support
import numpy as np
from PIL import Image

TEN = tomllib.loads((Path(bench.support.__file__).parent / "ten_classes.toml").read_text(encoding="utf-8"))


def write_real_sets(folder: Path) -> Path:
    """MNIST, CIFAR-10, CIFAR-100 (ten classes of it), HRF and word vectors in small."""
    folder.mkdir(parents=True, exist_ok=True)
    digits = [f"digit {i}" for i in range(10)]
    _write_npz(folder / "mnist.npz", digits, side=(28, 28))
    _write_npz(folder / "cifar10.npz", [f"thing {i}" for i in range(10)], side=(32, 32, 3))
    _write_npz(folder / "cifar100.npz", list(TEN["cifar100"]), side=(32, 32, 3))
    rng = np.random.default_rng(0)
    for name in ("healthy", "ill"):
        for part in ("images", "masks"):
            (folder / "hrf" / part / name).mkdir(parents=True)
        for i in range(5):
            pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "hrf" / "images" / name / f"{i}.jpg")
            Image.fromarray((pixels[..., 0] > 200) * np.uint8(255)).save(folder / "hrf" / "masks" / name / f"{i}.png")
    return folder


def _write_npz(path: Path, classes: list[str], side: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split, each in (("train", 4), ("test", 1)):
        labels = np.repeat(np.arange(len(classes)), each)
        arrays[f"{split}_images"] = rng.integers(0, 256, (len(labels), *side), dtype=np.uint8)
        arrays[f"{split}_labels"] = labels
    np.savez(path, class_names=np.array(classes), **arrays)

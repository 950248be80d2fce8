"""The real data sets of the tables, from the folder that bench/README.md describes."""

from pathlib import Path

from handful.data.load import load_data
from handful.types import Dataset


def mnist(folder: Path) -> Dataset:
    """MNIST, 28 x 28: 1,000 training images per digit and 9,786 test images; no masks."""
    return load_data(folder / "mnist.npz")


def cifar10(folder: Path) -> Dataset:
    """CIFAR-10, 32 x 32: 500 training and 500 test images per class; no masks."""
    return load_data(folder / "cifar10.npz")


def cifar100(folder: Path) -> Dataset:
    """CIFAR-100, 32 x 32: 100 training and 50 test images per class; no masks."""
    return load_data(folder / "cifar100.npz")


def hrf(folder: Path) -> Dataset:
    """45 fundus photographs of 3 classes with vessel masks; no test part: use folds."""
    return _with_masks(folder / "hrf")


def cells(folder: Path) -> Dataset:
    """299 white blood cells of 4 classes (176, 53, 48, 22) with cell masks; no test part."""
    return _with_masks(folder / "white_blood_cells")


def _with_masks(folder: Path) -> Dataset:
    return load_data(folder / "images", masks=folder / "masks")

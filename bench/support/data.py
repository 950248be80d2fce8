"""The real data sets of the tables, from the folder that bench/README.md describes."""

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from handful.core.dataset import Dataset, Sample
from handful.data.class_names import with_classes
from handful.data.load import load_data

TWIN = "lymphocyte/139.png"  # of the white blood cells, equal to lymphocyte/112.png


def mnist(folder: Path) -> Dataset:
    """MNIST, 28 x 28: 1,000 training images per digit and 9,786 test images; no masks."""
    return load_data(folder / "mnist.npz")


def cifar10(folder: Path) -> Dataset:
    """CIFAR-10, 32 x 32: 500 training and 500 test images per class; no masks."""
    return load_data(folder / "cifar10.npz")


def cifar100(folder: Path) -> Dataset:
    """CIFAR-100, 32 x 32: 100 training and 50 test images per class; no masks."""
    return load_data(folder / "cifar100.npz")


def cifar100_ten(folder: Path) -> Dataset:
    """Ten classes of CIFAR-100: 100 training and 50 test images each; which, says `ten_classes.toml`."""
    return only_classes(cifar100(folder), _listed("ten", "cifar100"))


def mini_imagenet(folder: Path) -> Dataset:
    """mini-ImageNet, 84 x 84: 100 classes of 50 training and 20 test images; no masks."""
    return load_data(folder / "mini_imagenet")


def mini_imagenet_ten(folder: Path) -> Dataset:
    """Ten classes of mini-ImageNet, 84 x 84, 70 images each: training and test images pooled, to be drawn anew."""
    return _pooled(only_classes(mini_imagenet(folder), _listed("ten", "mini_imagenet")))


def cifar100_twenty(folder: Path) -> Dataset:
    """Twenty classes of CIFAR-100: 100 training and 50 test images each; which, says `twenty_classes.toml`."""
    return only_classes(cifar100(folder), _listed("twenty", "cifar100"))


def mini_imagenet_twenty(folder: Path) -> Dataset:
    """Twenty classes of mini-ImageNet, 84 x 84, 70 images each: training and test images pooled, to be drawn anew."""
    return _pooled(only_classes(mini_imagenet(folder), _listed("twenty", "mini_imagenet")))


def hrf(folder: Path) -> Dataset:
    """45 fundus photographs of 3 classes with vessel masks; no test part: use folds."""
    return _with_masks(folder / "hrf")


def cells(folder: Path) -> Dataset:
    """299 white blood cells of 4 classes (176, 53, 48, 22) with cell masks; no test part."""
    return _with_masks(folder / "white_blood_cells")


def cells_once(folder: Path) -> Dataset:
    """White blood cells without the second of two identical images."""
    data = cells(folder)
    return replace(data, samples=tuple(s for s in data.samples if s.id != TWIN))


def few_test_images(data: Dataset, each: int = 10) -> Dataset:
    """The data in order of ids, with the first so many test images of each class; ten show that a table runs."""
    kept: dict[int | None, int] = {}

    def wanted(sample: Sample) -> bool:
        kept[sample.label] = kept.get(sample.label, 0) + (sample.split == "test")
        return sample.split != "test" or kept[sample.label] <= each

    return replace(data, samples=tuple(s for s in sorted(data.samples, key=lambda s: s.id) if wanted(s)))


def only_classes(data: Dataset, classes: Sequence[str]) -> Dataset:
    """The images of these classes alone."""
    kept = tuple(s for s in data.samples if s.label is not None and data.classes[s.label] in classes)
    return with_classes(replace(data, samples=kept), classes)


def _pooled(data: Dataset) -> Dataset:
    return replace(data, samples=tuple(replace(s, split=None) for s in data.samples))


def _with_masks(folder: Path) -> Dataset:
    return load_data(folder / "images", masks=folder / "masks")


def _listed(number: str, name: str) -> list[str]:
    listed = tomllib.loads((Path(__file__).parent / f"{number}_classes.toml").read_text(encoding="utf-8"))
    return list(listed[name])

"""Data sets of torchvision by name, read from local files; downloaded only on request."""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from handful.core.dataset import Dataset, Sample, Split
from handful.data.arrays import from_arrays
from handful.errors import DataError, nearest, option

_BOOL: dict[Split | None, Any] = {"train": True, "test": False}
_TWO: dict[Split | None, Any] = {"train": "train", "test": "test"}
_THREE: dict[Split | None, Any] = {"train": "train", "val": "val", "test": "test"}
_WHOLE: dict[Split | None, Any] = {None: None}

# Name -> its splits, and the value of torchvision's argument `train` or `split` for each. Only sets with one class per
# image.
SETS: dict[str, dict[Split | None, Any]] = {
    "CIFAR10": _BOOL,
    "CIFAR100": _BOOL,
    "DTD": _THREE,
    "EuroSAT": _WHOLE,
    "FGVCAircraft": _THREE,
    "FashionMNIST": _BOOL,
    "Flowers102": _THREE,
    "Food101": _TWO,
    "KMNIST": _BOOL,
    "MNIST": _BOOL,
    "STL10": _TWO,
    "SUN397": _WHOLE,
    "SVHN": _TWO,
    "StanfordCars": _TWO,
    "USPS": _BOOL,
}


def read_torchvision(name: str, *, root: Path, download: bool = False) -> Dataset:
    """A torchvision data set with its official splits.

    Images that are stored as files are decoded later; those in one archive are arrays in memory.

    Args:
        name: as in torchvision.datasets, such as "CIFAR10"; those offered are in `SETS`.
        root: the folder with torchvision's files.
        download: download it if it is not there.

    Raises:
        DataError: unknown name (with the nearest), or the files are not in `root` or are damaged.
    """
    if name not in SETS:
        by_lower = {known.lower(): known for known in SETS}
        remedy = nearest(by_lower.get(name.lower(), name), tuple(SETS))
        raise DataError(f"unknown torchvision data set {name!r}", where=f"torchvision:{name}", remedy=remedy)
    samples: list[Sample] = []
    classes: tuple[str, ...] = ()
    for split, value in SETS[name].items():
        part = _part(name, root, value, download)
        samples += [replace(s, id=f"{split or 'all'}/{s.id}", split=split) for s in part.samples]
        classes = classes or part.classes
        assert classes == part.classes
    return Dataset(tuple(samples), classes)


def _part(name: str, root: Path, value: Any, download: bool) -> Dataset:
    from torchvision import datasets

    kind = getattr(datasets, name)
    known = inspect.signature(kind.__init__).parameters
    options: dict[str, Any] = {key: value for key in ("train", "split") if key in known and value is not None}
    if "loader" in known:
        options["loader"] = Path  # returns the file's path instead of its pixels
    try:
        source = kind(root, download=download, **options)
        pairs = [source[i] for i in range(len(source))]
    except (RuntimeError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"it cannot be read ({reason.partition(' You can use download')[0]})",
            where=f"torchvision:{name} in {root}",
            remedy=f"name the folder that holds it ({option('root', 'FOLDER')}), "
            f"or allow the download ({option('download')}).",
        ) from error
    names = [str(c) for c in getattr(source, "classes", sorted({int(label) for _, label in pairs}))]
    classes = tuple(sorted(names))
    class_position = {i: classes.index(class_name) for i, class_name in enumerate(names)}
    if "loader" not in known:
        data = from_arrays([np.asarray(image) for image, _ in pairs])
        images = [s.image for s in data.samples]
    else:
        images = [image for image, _ in pairs]
    labels = [class_position[int(label)] for _, label in pairs]
    samples = (Sample(f"{i:06d}", image, label) for i, (image, label) in enumerate(zip(images, labels, strict=True)))
    return Dataset(tuple(samples), classes)

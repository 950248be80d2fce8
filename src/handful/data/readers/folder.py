"""Data sets from image folders: `class/image`, or `train/class/image` with `val/` and `test/` likewise."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

from handful.core.dataset import Dataset, Sample, Split
from handful.data.class_names import class_index, class_names
from handful.data.formats import SUFFIXES
from handful.errors import DataError, by_interface

UNLABELLED = ("unlabelled", "unlabeled")


def read_folder(root: Path, *, unlabelled: bool = False, classes: Sequence[str] | None = None) -> Dataset:
    """A data set from a folder: each sub-folder is a class, with every image below it.

    Where a folder `train`, `val` or `test` itself holds folders, or there are no others, the classes are one
    level down and the split is set. A folder `unlabelled` in place of a class holds images without a label.
    Hidden files, and files that are not images, are skipped. Images are not decoded. Ids are the paths below
    `root`.

    Args:
        root: the folder.
        unlabelled: accept images outside class folders, or without any class folders, as unlabelled.
        classes: the expected class names; None: those that occur.

    Raises:
        DataError: missing or empty folder, a class folder without an image, images outside class folders without
            `unlabelled`, split folders mixed with others, or a class outside `classes`.
    """
    if not root.is_dir():
        raise DataError("no such folder", where=root, remedy="check the path.")
    refuse_image_mask_folders(root)
    named_samples = list(_parts(root, unlabelled))
    if not named_samples:
        raise DataError(
            "no images found",
            where=root,
            remedy="put them in one folder per class, such as cat/001.jpg; formats are PNG, JPEG, BMP, TIFF, WebP.",
        )
    all_classes = class_names([name for name, _ in named_samples], classes)
    index = {name: i for i, name in enumerate(all_classes)}
    samples = [
        replace(s, label=None if name is None else class_index(name, index, root / s.id)) for name, s in named_samples
    ]
    return Dataset(tuple(samples), all_classes)


def refuse_image_mask_folders(root: Path) -> None:
    """Refuse a folder with sub-folders images/ and masks/: the masks would be read as images of a class.

    Raises:
        DataError: it has exactly these sub-folders.
    """
    if {f.name for f in _folders(root)} == {"images", "masks"}:
        raise DataError(
            "this folder holds images/ and masks/, not classes",
            where=root,
            remedy=f"load {root / 'images'} and pass {root / 'masks'} as the masks.",
        )


def _parts(root: Path, unlabelled: bool) -> Iterator[tuple[str | None, Sample]]:
    folders = _folders(root)
    splits = [f for f in folders if f.name in get_args(Split)]
    others = [f for f in folders if f not in splits and f.name not in UNLABELLED]
    if others and not any(_folders(f) for f in splits):
        splits = []  # a class may be called "train"
    if not splits:
        yield from _classes(root, root, None, unlabelled)
        return
    for folder in folders:
        if folder.name in get_args(Split):
            yield from _classes(root, folder, cast(Split, folder.name), unlabelled)
        elif folder.name in UNLABELLED:
            yield from _images(root, folder, None, None)
        else:
            raise DataError(
                f"it lies beside {splits[0].name}/, which makes it neither a class nor a split",
                where=folder,
                remedy="splits are train/, val/, test/ and unlabelled/: move it into one of them, or elsewhere.",
            )
    yield from _loose(root, root, None, unlabelled)


def _classes(root: Path, folder: Path, split: Split | None, unlabelled: bool) -> Iterator[tuple[str | None, Sample]]:
    yield from _loose(root, folder, split, unlabelled)
    for class_folder in _folders(folder):
        name = None if class_folder.name in UNLABELLED else class_folder.name
        images = list(_images(root, class_folder, name, split))
        if not images:
            raise DataError(
                "no images found in this class folder", where=class_folder, remedy="add images, or remove the folder."
            )
        yield from images


def _loose(root: Path, folder: Path, split: Split | None, accept: bool) -> Iterator[tuple[None, Sample]]:
    for path in sorted(folder.iterdir()):
        if _is_image(path):
            if not accept:
                raise DataError(
                    "this image is not in a class folder",
                    where=path,
                    remedy="move it into a folder named after its class; if it has no label, into unlabelled/"
                    + by_interface(command=".", python=", or load with unlabelled=True."),
                )
            yield None, _sample(root, path, split)


def _images(root: Path, folder: Path, name: str | None, split: Split | None) -> Iterator[tuple[str | None, Sample]]:
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).parts
        if _is_image(path) and not any(part.startswith(".") for part in relative):
            yield name, _sample(root, path, split)


def _sample(root: Path, path: Path, split: Split | None) -> Sample:
    return Sample(id=path.relative_to(root).as_posix(), image=path, split=split)


def _folders(folder: Path) -> list[Path]:
    return [f for f in sorted(folder.iterdir()) if f.is_dir() and not f.name.startswith((".", "__"))]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()

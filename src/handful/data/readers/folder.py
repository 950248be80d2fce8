"""Data sets from image folders: `class/image`, or `train/class/image` with `val/` and `test/` likewise."""

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from handful.core.dataset import Dataset, Sample, Split
from handful.core.file_names import as_unicode
from handful.data.class_names import class_index, class_names, consistent_names, nfc
from handful.data.masks.beside import is_mask_folder
from handful.data.readers.file_tree import FileTree
from handful.data.readers.split_folders import (
    inner_folder,
    is_unlabelled,
    refuse_double_splits,
    refuse_same_subfolders,
    splits_by_folder,
)
from handful.data.sources import folder_above
from handful.errors import DataError, HandfulWarning, by_interface, offers, option

NamedSample = tuple[str | None, Sample]  # the name of its class, and the sample without label


def read_folder(
    root: Path, *, unlabelled: bool = False, classes: Sequence[str] | None = None, unpacked: bool = False
) -> Dataset:
    """A data set from a folder: each sub-folder is a class, with every image below it.

    Where a folder `train`, `val` or `test` (in any spelling that `handful.data.split_names` knows) itself holds
    folders, or there are no others, the classes are one level down and the split is set. A folder `unlabelled` in place
    of a class holds images without a label. Linked folders are followed. Hidden files and those that systems write are
    skipped; other files that are not read are in `Dataset.left_out`. Images are not decoded. Ids are the paths below
    `root`.

    Args:
        root: the folder.
        unlabelled: accept images outside class folders, or without any class folders, as unlabelled.
        classes: the expected class names; None: those that occur.
        unpacked: it is the content of an archive: what lies above it is not the user's.

    Raises:
        DataError: missing or empty folder, a class folder without an image, images outside class folders without
            `unlabelled`, split folders mixed with others, two folders of one split, classes that all hold the same
            folders, or a class outside `classes`.
    """
    _refuse_missing(root)
    refuse_image_mask_folders(root)
    tree = FileTree(root)
    if not unlabelled and not unpacked:
        _refuse_one_class(tree)
    named_samples = list(_splits(tree, unlabelled, classes))
    if not named_samples:
        raise _no_images(tree)
    names = consistent_names([name for name, _ in named_samples], classes, where=root)
    all_classes = class_names(names, classes)
    index = {name: i for i, name in enumerate(all_classes)}
    samples = [
        replace(s, label=None if name is None else class_index(name, index, root / s.id))
        for name, (_, s) in zip(names, named_samples, strict=True)
    ]
    return Dataset(tuple(samples), all_classes, tree.left_out)


def read_any_folder(root: Path) -> Dataset:
    """The images below a folder of any layout, with labels and splits where it is that of a training set.

    Raises:
        DataError: missing folder, or no images.
    """
    _refuse_missing(root)
    refuse_image_mask_folders(root)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HandfulWarning)
            return read_folder(root, unlabelled=True)
    except DataError:
        tree = FileTree(root)
        samples = tuple(_sample(tree, path, None) for path in tree.images_below(root))
        if not samples:
            raise _no_images(tree, labelled=False) from None
        return Dataset(samples, (), tree.left_out)


def refuse_image_mask_folders(root: Path) -> None:
    """Refuse a folder with sub-folders images/ and masks/: the masks would be read as images of a class.

    Raises:
        DataError: it has exactly these sub-folders.
    """
    if {f.name.casefold() for f in FileTree(root).folders(root)} == {"images", "masks"}:
        masks = root / "masks"
        also = f" and pass {masks} as the masks ({option('masks', str(masks))})" if offers("masks") else ""
        raise DataError(
            "this folder holds images/ and masks/, not classes",
            where=root,
            remedy=f"load {root / 'images'}{also}.",
        )


def _splits(tree: FileTree, unlabelled: bool, classes: Sequence[str] | None) -> Iterator[NamedSample]:
    root = _outer_folder(tree)
    folders = tree.folders(root)
    splits = splits_by_folder(folders)
    others = [f for f in folders if f not in splits and not is_unlabelled(f)]
    if others and splits and not any(tree.folders(f) for f in splits):
        _warn_of_classes(list(splits), others)
        splits = {}
    if not splits:
        yield from _classes(tree, root, None, unlabelled, classes)
        return
    refuse_double_splits(splits)
    for folder in folders:
        if folder in splits:
            yield from _classes(tree, inner_folder(tree, folder), splits[folder], unlabelled, classes)
        elif is_unlabelled(folder) or is_mask_folder(folder.name):
            yield from ((None, _sample(tree, path, None)) for path in tree.images_below(folder))
        elif next(tree.images_below(folder), None) is not None:
            raise DataError(
                f"it lies beside {next(iter(splits)).name}/, which makes it neither a class nor a split",
                where=folder,
                remedy="splits are train/, val/, test/ and unlabelled/: move it into one of them, or elsewhere.",
            )
    yield from _loose(tree, root, None, unlabelled)


def _outer_folder(tree: FileTree) -> Path:
    """The root, or the only folder in it where that holds split folders and nothing else."""
    folders = tree.folders(tree.root)
    if len(folders) != 1 or next(tree.images(tree.root, documents=False), None) is not None:
        return tree.root
    inner = tree.folders(folders[0])
    splits = splits_by_folder(inner)
    only_splits = len(splits) > 1 and len(splits) == len(inner) and any(tree.folders(f) for f in splits)
    return folders[0] if only_splits else tree.root


def _warn_of_classes(named_as_splits: Sequence[Path], others: Sequence[Path]) -> None:
    for folder in named_as_splits:
        warnings.warn(
            f"{folder}: read as a class, since it holds no class folders and lies beside {others[0].name}/; if it is a "
            "split, put class folders into it, and the other classes into train/",
            HandfulWarning,
            stacklevel=2,
        )


def _classes(
    tree: FileTree, folder: Path, split: Split | None, unlabelled: bool, classes: Sequence[str] | None
) -> Iterator[NamedSample]:
    yield from _loose(tree, folder, split, unlabelled)
    class_folders = tree.folders(folder)
    if classes is None:
        refuse_same_subfolders(tree, [f for f in class_folders if not is_unlabelled(f)])
    for class_folder in class_folders:
        name = None if is_unlabelled(class_folder) else nfc(as_unicode(class_folder.name))
        images = [(name, _sample(tree, path, split)) for path in tree.images_below(class_folder)]
        if not images:
            raise _no_images_of_class(tree, class_folder)
        yield from images


def _loose(tree: FileTree, folder: Path, split: Split | None, accept: bool) -> Iterator[NamedSample]:
    for path in tree.images(folder, documents=False):
        if not accept:
            raise _not_in_class_folder(path)
        yield None, _sample(tree, path, split)


def _refuse_one_class(tree: FileTree) -> None:
    """Refuse a folder that holds images alone and lies among others like it: it is one class, or within one."""
    path = None if tree.folders(tree.root) else next(FileTree(tree.root).images(tree.root, documents=False), None)
    above = None if path is None else folder_above(tree.root)
    if path is not None and above is not None:
        raise _not_in_class_folder(path, str(above if tree.root.is_absolute() else Path(os.path.relpath(above))))


def _not_in_class_folder(path: Path, above: str | None = None) -> DataError:
    whole = "" if above is None else f"if this folder is of one class, give the folder above: {above!r}; otherwise "
    unlabelled = by_interface(command=".", python=", or load with unlabelled=True.")
    return DataError(
        "this image is not in a class folder",
        where=path,
        remedy=f"{whole}move it into a folder named after its class; if it has no label, into unlabelled/{unlabelled}",
    )


def _sample(tree: FileTree, path: Path, split: Split | None) -> Sample:
    return Sample(id=tree.id(path), image=path, split=split)


def _refuse_missing(root: Path) -> None:
    if not root.is_dir():
        raise DataError("no such folder", where=root, remedy="check the path.")


def _no_images(tree: FileTree, *, labelled: bool = True) -> DataError:
    if tree.left_out:
        return _only_left_out(tree, tree.root, "no images that can be read")
    place = "put them in one folder per class, such as cat/001.jpg" if labelled else "name a folder that holds images"
    return DataError("no images found", where=tree.root, remedy=f"{place}; formats are PNG, JPEG, BMP, TIFF, WebP.")


def _no_images_of_class(tree: FileTree, folder: Path) -> DataError:
    if tree.below(folder):
        return _only_left_out(tree, folder, "no images that can be read in this class folder")
    return DataError("no images found in this class folder", where=folder, remedy="add images, or remove the folder.")


def _only_left_out(tree: FileTree, folder: Path, what: str) -> DataError:
    items = tree.left_out if folder == tree.root else tree.below(folder)
    kinds = ", ".join(f"{len(item.paths)} {item.kind}" for item in items)
    return DataError(f"{what}: {kinds}", where=folder, remedy=f"{items[0].remedy}.")

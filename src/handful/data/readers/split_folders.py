"""Which folders are splits: train/, Training/, seg_train/ and their like, rather than classes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from handful.core.dataset import Split
from handful.core.text import listed
from handful.data.masks.beside import is_mask_folder
from handful.data.readers.file_tree import FileTree
from handful.data.split_names import split_of, split_words, word_of
from handful.errors import DataError

NAMED = 3
_UNLABELLED = ("unlabelled", "unlabeled")


def is_unlabelled(folder: Path) -> bool:
    """Whether a folder's name says that its images have no label."""
    return folder.name.strip().casefold() in _UNLABELLED


def splits_by_folder(folders: Sequence[Path]) -> dict[Path, Split]:
    """The folders that are named as splits: `Training`; or `birds_train` and `birds_test`, which share the rest."""
    splits = {folder: split for folder in folders if (split := split_of(folder.name)) is not None}
    by_frame: dict[tuple[str, ...], dict[Path, Split]] = defaultdict(dict)
    for folder in folders:
        words = split_words(folder.name)
        position = word_of(words)
        split = None if position is None else split_of(words[position])
        if folder not in splits and position is not None and split is not None:
            by_frame[(*words[:position], "", *words[position + 1 :])][folder] = split
    for framed in by_frame.values():
        if len(set(framed.values())) > 1:
            splits |= framed
    return {folder: splits[folder] for folder in folders if folder in splits}


def refuse_double_splits(splits: Mapping[Path, Split]) -> None:
    """Refuse two folders for the same split.

    Raises:
        DataError: names both.
    """
    first: dict[Split, Path] = {}
    for folder, split in splits.items():
        if split in first:
            raise DataError(
                f"{first[split].name}/ and {folder.name}/ both name the {split} split",
                where=folder.parent,
                remedy="move the images of both into one of them, or rename the one that is something else.",
            )
        first[split] = folder


def inner_folder(tree: FileTree, folder: Path) -> Path:
    """The folder that holds the classes of a split: archives often nest it, as in seg_train/seg_train/cat."""
    while True:
        folders = tree.folders(folder)
        if len(folders) != 1 or next(tree.images(folder, documents=False), None) is not None:
            return folder
        (inner,) = folders
        same_split = split_of(inner.name) is not None and split_of(inner.name) == split_of(folder.name)
        if not same_split and inner.name.casefold() != folder.name.casefold():
            return folder
        folder = inner


def refuse_same_subfolders(tree: FileTree, classes: Sequence[Path]) -> None:
    """Refuse what would be classes and all hold folders of the same names: those are the classes, or the splits.

    Raises:
        DataError: names them.
    """
    if len(classes) < 2:
        return
    subfolders = [{f.name.casefold(): f.name for f in tree.folders(c) if not is_mask_folder(f.name)} for c in classes]
    shared = sorted(set(subfolders[0]).intersection(*subfolders[1:]))
    if len(shared) < 2 or any(len(names) > len(shared) for names in subfolders):
        return
    if any(next(tree.images(c, documents=False), None) is not None for c in classes):
        return
    inner = listed([subfolders[0][name] for name in shared], NAMED)
    outer = listed([c.name for c in classes], NAMED)
    if all(split_of(name) is not None for name in shared):
        remedy = f"splits go above the classes: {subfolders[0][shared[0]]}/{classes[0].name}/ and so on."
    else:
        remedy = (
            f"if {inner} are the classes, join the folders, name them train/ and test/, or load one of them; if "
            f"{outer} are the classes, move the images up into them, or list the images in a table."
        )
    raise DataError(
        f"{outer} all hold the same folders ({inner}), so they do not look like classes",
        where=classes[0].parent,
        remedy=remedy,
    )

"""A table (CSV) with a row per image, which every command of handful takes as its data.

With several labels per image it has a column per class: 1 present, 0 absent, empty where that is not known.
"""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from handful.core.dataset import Dataset, Sample
from handful.core.files import write_atomically
from handful.data.masks.image_file import write_mask


def write(data: Dataset, path: Path, root: Path, *, outlines: bool = False) -> int:  # noqa: ARG001
    """Write the table, and the masks into a folder beside it; returns how many there are.

    Paths are relative to the table. Where the images do not lie below its folder, it is read with --allow-outside.
    """
    if data.kind == "multilabel":
        _write_entries(data, path, root)
        return 0
    masks = path.with_name(f"{path.stem}-masks")
    count = 0
    rows = []
    for sample in data.samples:
        mask_path = ""
        if sample.mask is not None:
            file = masks / f"{sample.id}.png"
            write_mask(file, sample.mask, source=sample.mask_source, overwrite=True)
            mask_path, count = file.relative_to(path.parent).as_posix(), count + 1
        label = "" if sample.label is None else data.classes[sample.label]
        rows.append((_relative(sample, path, root), label, mask_path, sample.group or "", sample.split or ""))
    _write_rows(path, ("path", "label", "mask", "group", "split"), rows)
    return count


def _write_entries(data: Dataset, path: Path, root: Path) -> None:
    rows = []
    for sample, target in zip(data.samples, data.targets(), strict=True):
        entries = ["" if np.isnan(value) else str(int(value)) for value in target]
        rows.append((_relative(sample, path, root), *entries, sample.group or "", sample.split or ""))
    # a column without any value would be read as classes of which nothing is known
    used = [i for i in range(1 + len(data.classes) + 2) if i == 0 or any(row[i] for row in rows)]
    header = ("path", *data.classes, "group", "split")
    _write_rows(path, [header[i] for i in used], [[row[i] for i in used] for row in rows])


def _relative(sample: Sample, path: Path, root: Path) -> str:
    return os.path.relpath(root / sample.id, path.parent.resolve()).replace("\\", "/")


def _write_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with write_atomically(path) as draft, draft.open("w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table)
        writer.writerow(header)
        writer.writerows(rows)

"""A table (CSV) with a row per image, which every command of handful takes as its data."""

import csv
import os
from pathlib import Path

from handful.core.dataset import Dataset
from handful.core.files import write_atomically
from handful.data.masks.image_file import write_mask


def write(data: Dataset, path: Path, root: Path, *, outlines: bool = False) -> int:  # noqa: ARG001
    """Write the table, and the masks into a folder beside it; returns how many there are.

    Paths are relative to the table. Where the images do not lie below its folder, it is read with --allow-outside.
    """
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
        image_path = os.path.relpath(root / sample.id, path.parent.resolve()).replace("\\", "/")
        rows.append((image_path, label, mask_path, sample.group or "", sample.split or ""))
    with write_atomically(path) as draft, draft.open("w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table)
        writer.writerow(("path", "label", "mask", "group", "split"))
        writer.writerows(rows)
    return count

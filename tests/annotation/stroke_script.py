"""Random strokes, and a script that draws them until it is killed: the same number gives the same stroke."""

import os
from pathlib import Path

import numpy as np

from handful.annotation.files.mask_patch import Patch, apply
from handful.annotation.files.store import AnnotationStore
from handful.core.dataset import Mask

SIZE = (40, 60)
IDS = ("cat/1.png", "dog/2.png")


def make_stroke(number: int) -> tuple[str, Patch]:
    """The stroke of this number: mostly some object, sometimes the whole mask wiped."""
    rng = np.random.default_rng(number)
    name = IDS[int(rng.integers(2))]
    if number % 7 == 6:
        return name, Patch(0, 0, np.zeros(SIZE, dtype=bool))
    w, h = (int(v) for v in rng.integers(1, 20, 2))
    x, y = int(rng.integers(SIZE[1] - w)), int(rng.integers(SIZE[0] - h))
    return name, Patch(x, y, rng.random((h, w)) < 0.7)


def masks_after(count: int) -> dict[str, Mask]:
    """The masks that the first `count` strokes leave; None of them is drawn with the store."""
    masks = {name: np.zeros(SIZE, dtype=bool) for name in IDS}
    for number in range(count):
        name, patch = make_stroke(number)
        masks[name] = apply(masks[name], patch)
    return masks


def draw_strokes(folder: Path, first: int, confirmed: int) -> None:
    """Draw from this stroke on without an end, and write the number of each that was confirmed to a pipe."""
    with AnnotationStore(folder, IDS) as store:
        number = first
        while True:
            name, patch = make_stroke(number)
            label = ("cat", "dog")[number % 2]
            base = store[name]
            store.stroke(name, patch, size=SIZE, base=base.mask_version, key=f"s{number}", source="brush", seconds=0.5)
            store.set_label(name, label, base=base.label_version, key=f"l{number}")
            os.write(confirmed, number.to_bytes(4, "big"))
            number += 1

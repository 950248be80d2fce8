"""The tiles of a contact sheet."""

from dataclasses import replace

import numpy as np

from handful.annotation.contact_sheet import tiles
from tests.support.datasets import squares


def test_new_masks_are_measured_against_whole_ones_and_not_against_partial_ones() -> None:
    old = squares(1)
    new = replace(old, samples=tuple(replace(s, mask=np.eye(12, dtype=bool)) for s in old.samples))
    known = np.zeros((12, 12), dtype=bool)
    partial = replace(old.samples[0], known=known)
    rows = tiles(new, replace(old, samples=(partial, *old.samples[1:])), per_class=2, seed=0)
    assert ["IoU" in tile.note for row in rows for tile in row] == [False, True, True]

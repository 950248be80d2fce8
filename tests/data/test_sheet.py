"""The contact sheet: every image once, outlines where masks end, a page that is not overwritten."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from handful.core.dataset import Dataset, Sample
from handful.data.sheet import COLOURS, OTHER, contact_sheet
from handful.errors import DataError, OutputError

PAPER = (77, 12, 200)


def dataset(n: int, source: str | None) -> Dataset:
    mask = np.zeros((20, 30), dtype=bool)
    mask[5:15, 8:22] = True
    image = np.full((20, 30, 3), PAPER, dtype=np.uint8).transpose(2, 0, 1)
    known = tuple(Sample(str(i), image, i % 2, mask if source else None, source) for i in range(n))
    return Dataset((*known, Sample("new", image)), ("a", "b"))


def colours(path: Path) -> dict[tuple[int, ...], int]:
    pixels = np.asarray(Picture.open(path))[22:].reshape(-1, 3)  # below the legend
    values, counts = np.unique(pixels, axis=0, return_counts=True)
    return {tuple(int(x) for x in v): int(c) for v, c in zip(values, counts, strict=True)}


@pytest.mark.parametrize(("source", "colour"), [("hand", COLOURS["hand"]), ("grabcut", OTHER), (None, None)])
def test_outlines(tmp_path: Path, source: str | None, colour: tuple[int, int, int] | None) -> None:
    path = tmp_path / "new" / "sheet.png"
    contact_sheet(dataset(6, source), path, columns=4, side=60)
    seen = colours(path)
    if colour is None:
        assert not {OTHER, *COLOURS.values()} & set(seen)
        assert seen[PAPER] == 7 * 60 * 40
    else:
        # Twice the scale: an outline two pixels wide along 20 and 28, on six images.
        assert seen[colour] == pytest.approx(6 * 2 * 2 * (20 + 28), rel=0.1)
        assert seen[PAPER] + seen[colour] == 7 * 60 * 40


def test_images_per_class(tmp_path: Path) -> None:
    contact_sheet(dataset(9, None), tmp_path / "s.png", per_class=2, side=30)
    assert colours(tmp_path / "s.png")[PAPER] == (2 + 2 + 1) * 20 * 30


def test_it_is_not_overwritten_unless_told(tmp_path: Path) -> None:
    contact_sheet(dataset(2, "hand"), tmp_path / "s.png")
    with pytest.raises(OutputError, match="file already"):
        contact_sheet(dataset(2, "hand"), tmp_path / "s.png")
    contact_sheet(dataset(2, "hand"), tmp_path / "s.png", overwrite=True)


def test_no_images_and_too_many(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no images"):
        contact_sheet(Dataset((), ("a", "b")), tmp_path / "s.png")
    with pytest.raises(DataError, match="2001 images"):
        contact_sheet(dataset(2000, None), tmp_path / "s.png", per_class=None)

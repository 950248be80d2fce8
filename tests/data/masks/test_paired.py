"""Second photographs that show the object alone become the masks of the first."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from handful.core.dataset import Dataset
from handful.data.load import load_data
from handful.data.masks.paired import attach_paired_masks, bright
from handful.data.masks.quality import iou
from handful.errors import DataError
from tests.support.command_line import write_images
from tests.support.datasets import squares


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Dataset, Path]:
    """Squares on disk, and under ultraviolet light: blue where the object is, noise and a speck elsewhere."""
    data = squares(2, size=48)
    write_images(replace(data, samples=tuple(replace(s, mask=None) for s in data.samples)), tmp_path / "white")
    rng = np.random.default_rng(0)
    for sample in data.samples:
        assert sample.mask is not None
        photograph = rng.integers(0, 30, (48, 48, 3), dtype=np.uint8)
        photograph[sample.mask, 2] = rng.integers(180, 250, int(sample.mask.sum()))
        photograph[0, 0] = 255
        path = tmp_path / "uv" / sample.id
        path.parent.mkdir(parents=True, exist_ok=True)
        Picture.fromarray(photograph).save(path)
    return data, tmp_path


@pytest.mark.parametrize("threshold", [None, 0.5])
def test_what_is_bright_in_the_second_photograph_is_the_mask(
    pair: tuple[Dataset, Path], threshold: float | None
) -> None:
    data, folder = pair
    truth = {s.id: s.mask for s in data.samples}
    found = load_data(folder / "white", masks=folder / "uv", paired_masks=True, paired_threshold=threshold)
    assert len(found) == len(data)
    for sample in found.samples:
        expected = truth[sample.id]
        assert sample.mask is not None
        assert expected is not None
        assert iou(sample.mask, expected) == 1
        assert sample.mask_source == "paired"
        assert not sample.mask[0, 0]  # the speck


def test_a_photograph_that_shows_nothing_is_left_out_and_named(pair: tuple[Dataset, Path]) -> None:
    data, folder = pair
    dark = data.ids[0]
    Picture.fromarray(np.full((48, 48, 3), 9, np.uint8)).save(folder / "uv" / dark)
    Picture.fromarray(np.full((48, 48, 3), 9, np.uint8)).save(folder / "uv" / "stranger.png")
    found = attach_paired_masks(load_data(folder / "white"), folder / "uv")
    assert [s.id for s in found.samples if s.mask is None] == [dark]
    kinds = {item.kind: item.paths for item in found.left_out}
    assert kinds["second photographs that show nothing, or all"] == (dark,)
    assert kinds["second photographs without image"] == ("stranger.png",)


def test_another_size_and_folders_that_are_none_are_errors(pair: tuple[Dataset, Path]) -> None:
    data, folder = pair
    white = load_data(folder / "white")
    with pytest.raises(DataError, match=r"threshold of second photographs is 2"):
        attach_paired_masks(white, folder / "uv", threshold=2)
    with pytest.raises(DataError, match="this is none"):
        attach_paired_masks(white, folder / "uv" / data.ids[0])
    with pytest.raises(DataError, match=r"(?s)show nothing, or all.*give a lower threshold \(paired_threshold=SHARE\)"):
        attach_paired_masks(white, folder / "uv", threshold=0.999)
    Picture.fromarray(np.zeros((40, 48, 3), np.uint8)).save(folder / "uv" / data.ids[0])
    with pytest.raises(DataError, match=r"(?s)second photograph is 40x48 and its image .* 48x48.*camera"):
        attach_paired_masks(white, folder / "uv")
    for options, message in (
        ({"paired_masks": True}, "paired masks are asked for, and no masks are given"),
        ({"paired_threshold": 0.5}, "pass paired_masks=True too"),
        ({"masks": folder / "uv", "paired_masks": True, "partial_masks": True}, "either partial or paired"),
    ):
        with pytest.raises(DataError, match=message):
            load_data(folder / "white", **options)


def test_a_photograph_without_contrast_has_no_bright_side() -> None:
    gray = np.random.default_rng(0).integers(100, 108, (64, 64), dtype=np.uint8)
    assert not bright(gray, None).any()
    assert not bright(np.zeros((8, 8), np.uint8), None).any()
    assert not bright(np.zeros((8, 8), np.uint8), 0.5).any()

"""Run lengths against pycocotools, which writes them."""

import warnings

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from handful.data.masks.coco import decode
from handful.data.masks.polygons import fill
from handful.data.masks.run_lengths import mask_of_runs, parse_run_lengths


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_run_lengths_are_read_as_pycocotools_writes_them(share: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        h, w = (int(v) for v in rng.integers(1, 70, 2))
        mask = rng.random((h, w)) < share
        rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert np.array_equal(mask_of_runs(parse_run_lengths(rle["counts"]), (h, w)), mask)


@pytest.mark.parametrize("runs", [[], [5], [3, 2, 2], [7, -1], [-1, 7]])
def test_runs_that_do_not_cover_the_image_are_refused(runs: list[int]) -> None:
    with pytest.raises(ValueError, match=r"cover \d+ pixels and the image has 6|below 0"):
        mask_of_runs(runs, (2, 3))


@pytest.mark.parametrize(
    ("text", "words"),
    [(b"5 ", "character"), (b"P" * 9, "more than 7"), (b"5P", "end too early"), (b"\xff", "character")],
)
def test_a_text_that_is_not_run_lengths_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_run_lengths(text)


def test_reading_masks_gives_no_warning_of_other_packages() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        polygon = fill([np.array([(1.0, 1.0), (3.0, 1.0), (3.0, 3.0)])], (8, 8))
        rle = coco_mask.encode(np.asfortranarray(polygon.astype(np.uint8)))
        counts = {"size": [8, 8], "counts": rle["counts"].decode()}
        assert np.array_equal(decode(counts, (8, 8)), polygon)

"""Polygons against pycocotools, and those that reach so far outside that it cannot rasterize them."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from handful.core.dataset import Mask
from handful.data.masks import polygons
from handful.data.masks.polygons import fill, fill_far


def _by_pycocotools(points: np.ndarray, h: int, w: int) -> Mask:
    return np.asarray(coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([points.ravel().tolist()], h, w))) > 0)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # of pycocotools' arrays, with NumPy 2
@pytest.mark.parametrize("reach", [0.5, 1, 3, 30, 1000])
def test_far_polygons_are_what_pycocotools_makes_of_them(reach: float) -> None:
    rng = np.random.default_rng(int(reach * 2))
    for trial in range(150):
        h, w = (int(v) for v in rng.integers(1, 40, 2))
        points = (rng.random((int(rng.integers(3, 9)), 2)) - 0.4) * 2 * reach * max(h, w)
        if trial % 3 == 0:
            points = np.round(points * 2) / 2  # ties in rounding
        if trial % 4 == 0:
            points[:, trial % 8 // 4] = np.clip(points[:, trial % 8 // 4], -3, max(h, w))
        assert np.array_equal(fill_far(points, (h, w)), _by_pycocotools(points, h, w)), points.tolist()


@pytest.mark.parametrize("far", [1e6, 1e8, 1e9])
def test_a_far_corner_leaves_the_rest_as_it_was(far: float) -> None:
    mask = fill([np.array([(10, 10), (far, 10), (far, far)])], (48, 48))
    rows, columns = np.mgrid[:48, :48]
    assert np.array_equal(mask, (rows >= 10) & (columns > rows))


def test_a_long_zigzag_takes_no_memory_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    points = rng.random((300, 2)) * 80 - 20
    near = fill([points], (40, 40))
    monkeypatch.setattr(polygons, "LONG", 100)
    monkeypatch.setattr(polygons, "CHUNK", 400)  # edges ten at a time
    assert np.array_equal(fill([points], (40, 40)), near)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        fill([np.array([(1, 1), (5, value), (5, 5)])], (8, 8))


def test_a_number_that_is_no_position_is_refused() -> None:
    with pytest.raises(ValueError, match=r"1e\+300 pixels is not a position"):
        fill([np.array([(1, 1), (5, 1e300), (5, 5)])], (8, 8))


def test_polygons_are_united() -> None:
    square = np.array([(1, 1), (3, 1), (3, 3), (1, 3)], dtype=float)
    both = fill([square, square + 4, np.array([(0, 7), (1e7, 7), (1e7, 8), (0, 8)])], (8, 8))
    assert both.sum() == 4 + 4 + 8 - 0
    assert not fill([], (3, 4)).any()

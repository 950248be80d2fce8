"""IoU and Dice against scikit-learn's, boundary F against a slow one, and the table per class."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score, jaccard_score

from handful.core.dataset import Dataset, Sample
from handful.data.masks.quality import boundary_f, dice, iou, quality


@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, 7, 5)) < rng.random((2, 1, 1))
    assert iou(a, b) == pytest.approx(jaccard_score(b.ravel(), a.ravel(), zero_division=1.0))
    assert dice(a, b) == pytest.approx(f1_score(b.ravel(), a.ravel(), zero_division=1.0))


def test_two_empty_masks_agree_and_an_empty_one_misses_everything() -> None:
    empty, full = np.zeros((3, 4), dtype=bool), np.ones((3, 4), dtype=bool)
    assert (iou(empty, empty), dice(empty, empty)) == (1.0, 1.0)
    assert (iou(empty, full), dice(full, empty)) == (0.0, 0.0)


def slow_boundary_f(predicted: np.ndarray, truth: np.ndarray, tolerance: float) -> float:
    """Pixel by pixel."""

    def boundary(mask: np.ndarray) -> list[tuple[int, int]]:
        wide = np.pad(mask, 1)
        inner = [(y, x) for y, x in np.argwhere(mask) if not wide[y : y + 3, x : x + 3].all()]
        return [(int(y), int(x)) for y, x in inner]

    def near(edge: list[tuple[int, int]], other: list[tuple[int, int]]) -> float:
        return float(np.mean([min(np.hypot(y - v, x - u) for v, u in other) <= tolerance for y, x in edge]))

    a, b = boundary(predicted), boundary(truth)
    precision, recall = near(a, b), near(b, a)
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("seed", range(3))
def test_boundary_f_against_a_slow_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = np.zeros((2, 20, 16), dtype=bool)
    for mask in (a, b):
        top, left = rng.integers(0, 8, 2)
        mask[top : top + 9, left : left + 7] = True
    assert 0 < slow_boundary_f(a, b, 1.0) < 1
    assert boundary_f(a, b, tolerance=1.0) == pytest.approx(slow_boundary_f(a, b, 1.0))
    assert boundary_f(a, a) == 1


def test_boundary_f_of_empty_and_full_masks() -> None:
    empty, full = np.zeros((3, 4), dtype=bool), np.ones((3, 4), dtype=bool)
    assert (boundary_f(empty, empty), boundary_f(empty, full), boundary_f(full, full)) == (1.0, 0.0, 1.0)


def test_per_class() -> None:
    image = np.zeros((3, 2, 2), dtype=np.uint8)
    full, half = np.ones((2, 2), dtype=bool), np.array([[True, True], [False, False]])
    truth = Dataset(
        tuple(Sample(x, image, k, full) for x, k in (("a", 0), ("b", 0), ("c", None), ("d", 1))), ("p", "q")
    )
    masks = {"a": full, "b": half, "c": half, "d": None}
    predicted = replace(truth, samples=tuple(replace(s, mask=masks[s.id]) for s in reversed(truth.samples)))
    table = quality(predicted, truth)
    assert list(table) == ["p", "no label", "all"]
    assert (table["p"].images, table["p"].iou, table["p"].worst) == (2, 0.75, "b")
    assert table["p"].dice == pytest.approx((1 + 2 / 3) / 2)
    assert (table["all"].images, table["no label"].iou) == (3, 0.5)
    assert quality(predicted, replace(truth, samples=())) == {}

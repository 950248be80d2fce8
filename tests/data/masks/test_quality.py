"""IoU and Dice against scikit-learn's, and the table per class."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score, jaccard_score

from handful.core.dataset import Dataset, Sample
from handful.data.masks.quality import dice, iou, quality


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

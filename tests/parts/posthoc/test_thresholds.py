"""Cross-fitted thresholds of images with several labels."""

import numpy as np
import pytest
from sklearn.metrics import f1_score
from torch import nn

from handful.parts.posthoc.thresholds import best_threshold, choose_thresholds, wrap


def test_the_best_threshold_is_that_of_an_exhaustive_search() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        present = rng.random(30) < 0.3
        probabilities = np.round(np.clip(0.3 * present + rng.random(30) * 0.7, 0, 1), 1)
        ours = f1_score(present, probabilities >= best_threshold(probabilities, present), zero_division=0)
        every = [f1_score(present, probabilities >= t, zero_division=0) for t in np.linspace(0, 1.05, 43)]
        assert ours == pytest.approx(max(every))


def test_without_a_positive_it_is_a_half() -> None:
    assert best_threshold(np.array([0.2, 0.9]), np.array([False, False])) == 0.5


def test_few_positives_leave_a_class_at_the_common_threshold() -> None:
    rng = np.random.default_rng(1)
    targets = np.zeros((200, 3))
    targets[:100, 0], targets[:4, 1], targets[:20, 2] = 1, 1, 1
    probabilities = np.where(targets == 1, 0.6, 0.4) + 0.01 * rng.standard_normal(targets.shape)
    probabilities[:, 2] /= 4
    values = choose_thresholds(probabilities, targets)
    common = best_threshold(probabilities.ravel(), targets.ravel() == 1)
    own = [best_threshold(probabilities[:, c], targets[:, c] == 1) for c in range(3)]
    np.testing.assert_allclose(values[1], common)
    np.testing.assert_allclose(values[0], (100 * own[0] + 10 * common) / 110)
    np.testing.assert_allclose(values[2], (20 * own[2] + 10 * common) / 30)


def test_unknown_entries_decide_nothing() -> None:
    rng = np.random.default_rng(2)
    targets = (rng.random((100, 2)) < 0.5).astype(float)
    probabilities = rng.random((100, 2))
    more = np.concatenate([probabilities, rng.random((50, 2))])
    unknown = np.concatenate([targets, np.full((50, 2), np.nan)])
    np.testing.assert_array_equal(choose_thresholds(more, unknown), choose_thresholds(probabilities, targets))


@pytest.mark.parametrize("thresholds", [0.5, [1.5], ["a"], [True]])
def test_thresholds_out_of_range_are_refused(thresholds: object) -> None:
    with pytest.raises(ValueError, match="numbers from 0 to 1"):
        wrap(nn.Identity(), thresholds=thresholds)

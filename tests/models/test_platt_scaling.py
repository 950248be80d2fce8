"""Platt scaling of several classes, shrunk to what they share."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from handful.models.platt_scaling import FEWEST, fit_class_platt, fit_platt


def scores_and_targets(n: int, slopes: tuple[float, ...], offsets: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Scores of classes whose entries are drawn at these slopes and offsets."""
    rng = np.random.default_rng(0)
    scores = 2 * rng.standard_normal((n, len(slopes)))
    return scores, (rng.random(scores.shape) < expit(scores * slopes + offsets)).astype(float)


def test_slope_and_offset_of_each_class_are_those_of_logistic_regression() -> None:
    scores, targets = scores_and_targets(4000, (0.5, 2.0), (-1.0, 1.0))
    found = fit_class_platt(scores, targets, deviation=1e3)
    for c in range(2):
        other = LogisticRegression(C=1e6).fit(scores[:, [c]], targets[:, c])
        assert found.slopes[c] == pytest.approx(other.coef_[0, 0], rel=0.01)
        assert found.offsets[c] == pytest.approx(other.intercept_[0], abs=0.02)
    assert not found.shared.any()


def test_the_fewer_images_the_closer_a_class_is_to_what_all_share() -> None:
    away = []
    for n in (20, 200, 2000):
        scores, targets = scores_and_targets(n, (0.5, 2.0), (-1.0, 1.0))
        temperature, _, _ = fit_platt(scores.ravel(), targets.ravel() == 1, start=1.0)
        found, free = (fit_class_platt(scores, targets, deviation=d) for d in (0.5, 1e3))
        shared = np.log(1 / temperature)
        away.append(float((abs(np.log(found.slopes) - shared) / abs(np.log(free.slopes) - shared)).mean()))
    assert away[0] < away[1] < away[2]
    assert away[2] == pytest.approx(1, abs=0.1)


def test_a_class_with_few_images_of_either_kind_takes_the_shared_pair() -> None:
    scores, targets = scores_and_targets(60, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    targets[:, 1] = np.arange(60) < FEWEST - 1
    targets[:, 2] = np.arange(60) >= FEWEST - 1
    found = fit_class_platt(scores, targets)
    temperature, offset, _ = fit_platt(scores.ravel(), targets.ravel() == 1, start=1.0)
    assert found.shared.tolist() == [False, True, True]
    np.testing.assert_allclose(found.slopes[1:], 1 / temperature)
    np.testing.assert_allclose(found.offsets[1:], offset)
    np.testing.assert_allclose(found.scale(scores)[:, 1], scores[:, 1] / temperature + offset)


def test_unknown_entries_decide_nothing() -> None:
    scores, targets = scores_and_targets(50, (1.0, 2.0), (0.0, 1.0))
    unknown = np.concatenate([targets, np.full((20, 2), np.nan)])
    first, second = fit_class_platt(scores, targets), fit_class_platt(np.concatenate([scores, scores[:20]]), unknown)
    np.testing.assert_array_equal(first.slopes, second.slopes)
    np.testing.assert_array_equal(first.offsets, second.offsets)

import numpy as np
import pytest
import torch

from handful.annotation.tools import active_learning

POINTS = np.array([[1, 0.02], [1, 0.0], [1, 0.5], [0, 1], [0.1, 1], [0.6, 1]], dtype=np.float64)
CLASSES = np.array([0, 0, 0, 1, 1, 1])


def _flags(*positions: int) -> np.ndarray:
    return np.isin(np.arange(6), positions)


def test_the_class_with_fewest_labels_is_asked_for_by_its_name_and_the_surest_image_of_it() -> None:
    likely = np.array([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]])
    labels, order = np.full(6, -1), []
    for label in (0, 1, 1, 0, 1, 0):  # the fourth image that is asked for is not of the class that its name claims
        at = active_learning.balanced(likely, labels, labels < 0)
        assert at is not None
        order.append(at)
        labels[at] = label
    assert order[:4] == [0, 4, 1, 2]
    assert sorted(order) == list(range(6))
    assert active_learning.balanced(likely, labels, labels < 0) is None


def test_the_class_with_fewest_comes_first_and_the_farthest_in_it() -> None:
    nothing = _flags()
    first = active_learning.diverse(POINTS, CLASSES, nothing, ~nothing)
    assert first is not None
    assert CLASSES[first] == 0
    assert active_learning.diverse(POINTS, CLASSES, _flags(0), ~_flags(0)) in (3, 4, 5)
    assert active_learning.diverse(POINTS, CLASSES, _flags(0, 3), ~_flags(0, 3)) == 2
    assert active_learning.diverse(POINTS, CLASSES, _flags(0, 2, 3), ~_flags(0, 2, 3)) == 5
    assert active_learning.diverse(POINTS, CLASSES, ~nothing, nothing) is None


def test_it_is_the_farthest_of_a_slow_search() -> None:
    rng = np.random.default_rng(0)
    points, classes = rng.normal(size=(40, 5)), np.zeros(40, dtype=np.int64)
    done = rng.random(40) < 0.2
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    gaps = {i: min(np.linalg.norm(unit[i] - unit[j]) for j in np.flatnonzero(done)) for i in np.flatnonzero(~done)}
    assert active_learning.diverse(points, classes, done, ~done) == max(gaps, key=lambda i: gaps[i])


def test_typical_images_come_cluster_by_cluster_and_outliers_last() -> None:
    rng = np.random.default_rng(0)
    blobs = [np.eye(4)[i] + rng.normal(0, 0.02, (n, 4)) for i, n in enumerate((20, 12, 8))]
    points, blob = np.concatenate([*blobs, [[0, 0, 0, 1.0]]]), np.repeat([0, 1, 2, 3], [20, 12, 8, 1])
    done, unknown = np.zeros(len(points), dtype=bool), np.full(len(points), -1)
    order = []
    for _ in range(4):
        at = active_learning.typical(points, unknown, done, ~done)
        assert at is not None
        order.append(blob[at])
        done[at] = True
    assert order[0] == 0
    assert set(order[:3]) == {0, 1, 2}
    assert 3 not in order
    assert active_learning.typical(points, unknown, done, np.zeros_like(done)) is None
    only = np.zeros_like(done)
    only[40] = True
    assert active_learning.typical(points, unknown, ~only, only) == 40
    done[:] = blob == 0
    assert blob[active_learning.typical(points, blob, done, ~done)] == 1  # the first of the classes that have none


def test_missing_labels_are_guessed_by_the_nearest_mean() -> None:
    labels = np.array([0, -1, -1, 1, -1, -1])
    assert active_learning.assign_classes(POINTS, labels).tolist() == [0, 0, 0, 1, 1, 1]
    assert active_learning.assign_classes(POINTS, np.full(6, -1)).tolist() == [-1] * 6


def test_random_is_the_seeds_and_uncertain_the_models() -> None:
    everything = ~_flags()
    assert active_learning.random(everything, seed=3) == active_learning.random(everything, seed=3)
    assert {active_learning.random(everything, seed=n) for n in range(30)} == set(range(6))
    assert active_learning.random(_flags(4), seed=0) == 4
    assert active_learning.random(_flags(), seed=0) is None
    names = [str(i) for i in range(6)]
    assert active_learning.uncertain(names, everything, {"2": 0.7, "4": 0.2, "9": 0.0}) == 4
    assert active_learning.uncertain(names, _flags(0), {"2": 0.7}) is None
    assert active_learning.influential(names, everything, {"2": 0.7, "4": 0.2, "9": 5.0}) == 2
    assert active_learning.influential(names, _flags(0), {"2": 0.7}) is None
    assert active_learning.listed(_flags(3, 5)) == 3
    assert active_learning.listed(_flags()) is None


def test_the_expected_change_is_that_of_autograd() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(5, 4))
    weights = torch.tensor(rng.normal(size=(3, 4)), requires_grad=True)
    likely = (torch.tensor(features) @ weights.T).softmax(dim=1).detach().numpy()
    for i, found in enumerate(active_learning.expected_change(features, likely)):
        expected = 0.0
        for y in range(3):
            logits = torch.tensor(features[i]) @ weights.T
            (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, torch.tensor(y)), weights)
            expected += float(likely[i, y]) * float(gradient.norm())
        assert found == pytest.approx(expected)

"""Messages of counts, against sums over all labels."""

from itertools import product

import numpy as np
import pytest

from handful.training.count_messages import CERTAIN, LIMIT, Edges, bag_messages, nearest_edges, pass_messages

NONE = Edges(np.zeros((0, 2), np.int64), np.zeros(0))
LOG_ODDS = np.random.default_rng(0).normal(size=(6, 1))


def _marginals(evidence: np.ndarray, index: np.ndarray, counts: np.ndarray, edges: Edges, graph: float) -> np.ndarray:
    """Log-odds of each image by the sum over all labels that have the counts."""
    mass = np.zeros((len(evidence), 2))
    for y in np.array(list(product((0, 1), repeat=len(evidence)))):
        if (np.bincount(index, y) == counts).all():
            differ = y[edges.pairs[:, 0]] != y[edges.pairs[:, 1]]
            mass[np.arange(len(y)), y] += np.exp((evidence * y).sum() - graph * (edges.kernel * differ).sum())
    return np.log(mass[:, 1] / mass[:, 0])


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_message_of_a_bag_of_six_is_that_of_all_labels_with_its_count(count: int) -> None:
    message = bag_messages(LOG_ODDS[None], np.array([[count]]))[0, :, 0]
    expected = _marginals(LOG_ODDS[:, 0], np.zeros(6, np.int64), np.array([count]), NONE, 0)
    np.testing.assert_allclose(message + LOG_ODDS[:, 0], expected, atol=1e-9)


def test_all_or_none_of_a_bag_is_certain() -> None:
    message = bag_messages(np.stack([LOG_ODDS, LOG_ODDS]), np.array([[0], [6]]))
    np.testing.assert_array_equal(message[:, :, 0], [[-CERTAIN] * 6, [CERTAIN] * 6])


def test_large_bags_of_contradicted_images_stay_finite() -> None:
    message = bag_messages(np.full((1, 200, 1), LIMIT), np.array([[3]]))
    np.testing.assert_allclose(message + LIMIT, np.log(3 / 197), atol=1e-6)


def test_messages_of_a_tree_are_exact_and_bags_differ_in_size() -> None:
    index, counts = np.array([0, 0, 1, 1, 1]), np.array([[1], [2]])
    edges = Edges(np.array([[1, 2]]), np.array([0.8]))
    evidence = LOG_ODDS[:5]
    log_odds, change = pass_messages(evidence, index, counts, edges, graph=1.5, tolerance=1e-9)
    assert change <= 1e-9
    expected = _marginals(evidence[:, 0], index, counts[:, 0], edges, 1.5)
    np.testing.assert_allclose(log_odds[:, 0], expected, atol=1e-6)
    alone, _ = pass_messages(evidence, index, counts)
    np.testing.assert_allclose(alone[:2, 0], _marginals(evidence[:2, 0], index[:2], counts[0], NONE, 0), atol=1e-9)


def test_classes_are_chains_of_their_own() -> None:
    index, counts = np.zeros(6, np.int64), np.array([[1, 2, 3]])
    evidence = np.random.default_rng(1).normal(size=(6, 3))
    log_odds, _ = pass_messages(evidence, index, counts)
    for c in range(3):
        np.testing.assert_allclose(log_odds[:, [c]], pass_messages(evidence[:, [c]], index, counts[:, [c]])[0])


def test_edges_are_the_nearest_images_each_pair_once() -> None:
    angles = np.array([0.0, 0.1, 1.0, 1.15])
    edges = nearest_edges(np.stack([np.cos(angles), np.sin(angles)], axis=1), 1)
    assert edges.pairs.tolist() == [[0, 1], [2, 3]]
    assert ((edges.kernel > 0) & (edges.kernel < 1)).all()
    assert edges.kernel[0] > edges.kernel[1]


def test_edges_of_copies_have_the_full_kernel() -> None:
    assert nearest_edges(np.ones((3, 1)), 10).kernel.tolist() == [1, 1, 1]

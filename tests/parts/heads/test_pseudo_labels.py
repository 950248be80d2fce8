from typing import Any

import numpy as np
import pytest
import torch

from handful.parts.heads.pseudo_labels import PseudoLabels, pseudo_labels
from tests.parts.heads.fitted_heads import K, assert_refused, blobs, build_fitted


def test_pseudo_labels_are_the_papers_and_count_as_many_as_there_are_labels() -> None:
    shares = np.array([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1 / 3, 1 / 3, 1 / 3]])
    guesses, counts = pseudo_labels(shares, np.array([2, -1, -1, -1, -1]))
    assert guesses.tolist() == [2, 0, 1, 2, 0]
    entropy = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    expected = np.array([1 / 2, (1 - entropy / np.log(3)) / 2, 1, 1 / 2, 0])  # classes 0, 1, 2 have 2, 1, 2 images
    np.testing.assert_allclose(counts, expected / expected.sum(), atol=1e-9)


def test_regression_on_pseudo_labels_finds_clusters_that_one_label_each_cannot() -> None:
    x, y = blobs(40, spread=0.7)
    few = torch.full_like(y, -1)
    few[[0, 1, 2]] = y[[0, 1, 2]]
    test, wanted = blobs(60, seed=1, spread=0.7)
    right = {}
    for name in ("pseudo_labels", "label_propagation", "logistic"):
        head = build_fitted(name, {})
        known = few >= 0 if name == "logistic" else slice(None)
        head.fit(x[known][:, None], few[known], seed=0)
        right[name] = float((head.output(test).logits.argmax(dim=1) == wanted).float().mean())
    assert right["pseudo_labels"] > right["logistic"] + 0.05
    assert right["pseudo_labels"] >= right["label_propagation"] - 0.02


def test_candidates_say_more_than_no_label() -> None:
    x, y = blobs(40, spread=2.0)
    test, wanted = blobs(200, seed=1, spread=2.0)
    few, among = torch.where(torch.arange(len(y)) < K, y, -1), torch.zeros(len(y), K)
    wrong = (y + torch.randint(1, K, y.shape, generator=torch.Generator().manual_seed(0))) % K
    among[K:] = (torch.eye(K)[y] + torch.eye(K)[wrong])[K:]
    targets = torch.eye(K)[y] * (few >= 0)[:, None]
    right = []
    for some in (among, torch.zeros_like(among)):
        head = build_fitted("pseudo_labels", {})
        assert isinstance(head, PseudoLabels)
        head.fit_candidates(x[:, None], few, targets=targets, candidates=some, seed=0)
        right.append(float((head.output(test).logits.argmax(dim=1) == wanted).float().mean()))
        guesses = head._buffer("values").argmax(dim=1)
        assert some is not among or among[K:].gather(1, guesses[K:, None]).all()
    assert right[0] > right[1] + 0.03


@pytest.mark.parametrize("options", [{"C": 0}, {"mix": -1}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert_refused("pseudo_labels", options)

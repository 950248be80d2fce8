from typing import Any

import numpy as np
import pytest
import torch

from handful.parts.heads.pseudo_labels import pseudo_labels
from tests.parts.heads.fitted_heads import assert_refused, blobs, build_fitted


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


@pytest.mark.parametrize("options", [{"C": 0}, {"mix": -1}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert_refused("pseudo_labels", options)

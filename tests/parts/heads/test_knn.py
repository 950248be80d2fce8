from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from tests.parts.heads.fitted_heads import PLAIN, K, assert_predicts_as, assert_refused, blobs, fitted, scores


def test_the_nearest_neighbor_is_that_of_scikit_learn() -> None:
    assert_predicts_as(KNeighborsClassifier(1, metric="cosine"), "knn", {"neighbors": 1})


def test_neighbors_vote_by_their_cosine() -> None:
    head = fitted("knn", {**PLAIN, "neighbors": 3, "sharpness": 0.2}, per_class=3)
    (x, y), (test, _) = blobs(3), blobs(1, seed=1)
    cosines = torch.nn.functional.normalize(test[:1]) @ torch.nn.functional.normalize(x).T
    votes = np.zeros(K)
    for i in cosines[0].argsort(descending=True)[:3]:
        votes[int(y[i])] += np.exp(float(cosines[0, i]) / 0.2)
    np.testing.assert_allclose(scores(head, test)[0], np.log(votes / votes.sum() + 1e-3 / K), rtol=1e-3)


@pytest.mark.parametrize("options", [{"neighbors": 0}, {"neighbors": 1.5}, {"sharpness": 0}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert_refused("knn", options)

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from tests.parts.heads.fitted_heads import PLAIN, K, assert_predicts_as, assert_refused, blobs, fitted, scores


def test_predictions_and_probabilities_are_those_of_scikit_learn() -> None:
    oracle = LinearDiscriminantAnalysis(solver="lsqr")
    found, x = assert_predicts_as(oracle, "lda", {"shrinkage": 0.0})
    log_probabilities = torch.from_numpy(found).log_softmax(dim=1).numpy()
    np.testing.assert_allclose(log_probabilities, oracle.predict_log_proba(x), rtol=1e-3, atol=1e-3)


def test_the_covariance_is_shrunk_by_the_formula_of_ledoit_and_wolf() -> None:
    head = fitted("lda", PLAIN, spread=2.0)
    x, y = (values.numpy() for values in blobs(spread=2.0))
    means = np.stack([x[y == c].mean(axis=0) for c in range(K)]).astype(np.float64)
    covariance = LedoitWolf(assume_centered=True).fit(x - means[y]).covariance_
    test = blobs(3, seed=1)[0].numpy().astype(np.float64)
    expected = test @ np.linalg.solve(covariance, means.T)
    expected += np.log(1 / K) - (means @ np.linalg.inv(covariance) * means).sum(axis=1) / 2
    np.testing.assert_allclose(scores(head, torch.from_numpy(test).float()), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("options", [{"shrinkage": 2}, {"shrinkage": "much"}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert_refused("lda", options)

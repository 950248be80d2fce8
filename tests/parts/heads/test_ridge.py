from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.linear_model import RidgeClassifier

from handful.parts.heads._feature_transform import DEFAULT
from handful.parts.heads.ridge import Ridge
from tests.parts.heads.fitted_heads import assert_predicts_as, assert_refused


def test_predictions_and_scores_are_those_of_scikit_learn() -> None:
    oracle = RidgeClassifier(alpha=3.0)
    found, x = assert_predicts_as(oracle, "ridge", {"penalty": 3.0})
    np.testing.assert_allclose(found, oracle.decision_function(x), atol=0.02)


@pytest.mark.parametrize("options", [{"penalty": 0}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert_refused("ridge", options)


@pytest.mark.parametrize("unknown", [0.0, 0.4])
def test_columns_solved_together_are_those_solved_alone(unknown: float) -> None:
    """Several labels and numbers; the third class is always present."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 8)).astype(np.float32)
    targets = (rng.random((30, 5)) < 0.5).astype(np.float32)
    targets[:, 2] = 1
    targets[rng.random(targets.shape) < unknown] = np.nan
    head = Ridge(8, 5, DEFAULT)
    classes, numbers = (learn(x, targets, strength=0.5) for learn in (head.learn_multilabel, head.learn_numbers))
    for c, column in enumerate(targets.T):
        known = ~np.isnan(column)
        alone = SklearnRidge(alpha=0.5).fit(x[known], column[known])
        np.testing.assert_allclose(numbers["weight"][c], alone.coef_, atol=1e-5)
        np.testing.assert_allclose(numbers["bias"][c], alone.intercept_, atol=1e-5)
        if c != 2:
            np.testing.assert_allclose(classes["weight"][c], 2 * alone.coef_, atol=1e-5)
    assert not classes["weight"][2].any()
    assert classes["bias"][2] == pytest.approx(np.log(((targets[:, 2] == 1).sum() + 0.5) / 0.5))

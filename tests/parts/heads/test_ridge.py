from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from tests.parts.heads.fitted_heads import assert_predicts_as, assert_refused


def test_predictions_and_scores_are_those_of_scikit_learn() -> None:
    oracle = RidgeClassifier(alpha=3.0)
    found, x = assert_predicts_as(oracle, "ridge", {"penalty": 3.0})
    np.testing.assert_allclose(found, oracle.decision_function(x), atol=0.02)


@pytest.mark.parametrize("options", [{"penalty": 0}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert_refused("ridge", options)

from typing import Any

import pytest
from sklearn.neighbors import NearestCentroid

from tests.parts.heads.fitted_heads import assert_predicts_as, assert_refused


def test_predictions_are_those_of_scikit_learn() -> None:
    assert_predicts_as(NearestCentroid(), "nearest_centroid", {})


@pytest.mark.parametrize("options", [{"tukey": 0}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert_refused("nearest_centroid", options)

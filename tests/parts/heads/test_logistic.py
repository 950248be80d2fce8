import warnings
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from handful.parts.heads._regression import regression
from tests.parts.heads.fitted_heads import PLAIN, K, assert_predicts_as, assert_refused, build_fitted


def test_predictions_and_scores_are_those_of_scikit_learn() -> None:
    oracle = LogisticRegression(C=0.5, tol=1e-6)
    found, x = assert_predicts_as(oracle, "logistic", {"C": 0.5})
    np.testing.assert_allclose(found, oracle.decision_function(x), atol=0.02)


@pytest.mark.parametrize("few", [True, False])
def test_the_solution_in_the_span_of_few_images_is_the_same(few: bool) -> None:
    x = torch.randn((6, 40), generator=torch.Generator().manual_seed(0)).repeat(1 if few else 10, 1)
    y = torch.arange(len(x)) % K
    head = build_fitted("logistic", {**PLAIN, "C": 1.0}, channels=40)
    head.fit(x[:, None], y, seed=0)
    oracle = LogisticRegression(C=1.0, tol=1e-6).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(head.state_dict()["weight"].numpy(), oracle.coef_, atol=3e-3)


@pytest.mark.parametrize("options", [{"C": -1}, {"C": "best"}, {"tukey": "root"}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert_refused("logistic", options)


def test_one_image_of_each_of_many_classes_is_no_regression_problem() -> None:
    x = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weight, _ = regression(x, np.arange(30), 1.0)
    assert weight.shape == (30, 8)

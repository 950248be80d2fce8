from dataclasses import replace

import numpy as np
import pytest

from handful.core.context import Context, Task
from handful.core.recipe import Part
from handful.errors import RecipeError
from handful.models.ensemble import join
from handful.parts import registry
from tests.support.classifiers import mean_colour, untrained
from tests.support.datasets import CLASSES, context, squares

COUNTS = np.array([30, 9, 1])


def given() -> Context:
    return replace(context("linear"), task=Task(CLASSES, COUNTS))


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0])
def test_probabilities_are_divided_by_the_prior_to_tau(tau: float) -> None:
    before, data = untrained("linear"), squares(2, seed=3)
    after = registry.build("posthoc", Part("logit_adjustment", {"tau": tau}), given())((before,), data)
    wanted = before.probabilities(data) / (COUNTS / COUNTS.sum()) ** tau
    np.testing.assert_allclose(after.probabilities(data), wanted / wanted.sum(axis=1, keepdims=True), rtol=1e-4)


def test_every_member_of_an_ensemble_is_adjusted_and_the_features_stay() -> None:
    members, data = (untrained("linear"), mean_colour()), squares(2, seed=3)
    after = registry.build("posthoc", Part("logit_adjustment"), given())((join(members),), data)
    wanted = 0
    for member in members:
        raised = member.probabilities(data) / COUNTS
        wanted = wanted + raised / raised.sum(axis=1, keepdims=True) / 2
    np.testing.assert_allclose(after.probabilities(data), wanted, rtol=1e-4)


def test_a_negative_tau_is_refused() -> None:
    with pytest.raises(RecipeError, match="must be 0 or more"):
        registry.build("posthoc", Part("logit_adjustment", {"tau": -1.0}), given())

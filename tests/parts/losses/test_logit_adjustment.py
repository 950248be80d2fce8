import math
from typing import Any

import pytest
import torch

from handful.errors import RecipeError
from tests.parts.losses.examples import (
    BOTH,
    COUNTS,
    K,
    build_long_tailed,
    cross_entropy_by_hand,
    example,
    mixture,
    rows,
)


@BOTH
@pytest.mark.parametrize("tau", [0.0, 0.5, 2.0])
def test_logit_adjustment_raises_the_prior_to_tau(kind: str, tau: float) -> None:
    output, batch = example(kind)
    priors = COUNTS / COUNTS.sum()
    costs = []
    for row in rows(output.logits):
        shifted = [s + tau * math.log(p) for s, p in zip(row, priors, strict=True)]
        costs.append([cross_entropy_by_hand(shifted, c) for c in range(K)])
    found = build_long_tailed("logit_adjustment", {"tau": tau})(output, batch)
    torch.testing.assert_close(found, mixture(costs, batch.targets))
    if tau == 0:
        torch.testing.assert_close(found, build_long_tailed("cross_entropy")(output, batch))


@pytest.mark.parametrize(("options", "message"), [({"tau": -1.0}, r"tau must be 0 or more")])
def test_numbers_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build_long_tailed("logit_adjustment", options)

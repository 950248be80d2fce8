import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torchvision.ops import sigmoid_focal_loss

from handful.errors import RecipeError
from handful.parts.losses._priors import effective_number
from tests.parts.losses.examples import (
    BOTH,
    COUNTS,
    MIXED,
    ONE_HOT,
    K,
    build_long_tailed,
    cross_entropy_by_hand,
    example,
    mixture,
    rows,
)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_class_balanced_focal_is_torchvisions_times_the_weights(gamma: float) -> None:
    output, batch = example(ONE_HOT)
    weights = 1 / effective_number(COUNTS, 0.99)
    weights = weights * K / weights.sum()
    found = build_long_tailed("class_balanced_focal", {"beta": 0.99, "gamma": gamma})(output, batch)[:-1]
    focal = sigmoid_focal_loss(output.logits, batch.targets, alpha=-1, gamma=gamma, reduction="none").sum(dim=1)[:-1]
    torch.testing.assert_close(found, focal * weights[batch.labels[:-1]])


@BOTH
@pytest.mark.parametrize("form", ["sigmoid", "softmax"])
def test_class_balanced_focal_by_hand(kind: str, form: str) -> None:
    output, batch = example(kind)
    weights = np.array([(1 - 0.9) / (1 - 0.9**n) for n in COUNTS])
    weights *= K / weights.sum()

    def cost(row: list[float], label: int) -> float:
        total = 0.0
        for j, s in enumerate(row):
            p = 1 / (1 + math.exp(-s if j == label else s))
            if form == "softmax":
                p = math.exp(-cross_entropy_by_hand(row, label)) if j == label else 1.0
            total -= (1 - p) ** 1.5 * math.log(p)
        return float(weights[label]) * total

    costs = [[cost(row, c) for c in range(K)] for row in rows(output.logits)]
    found = build_long_tailed("class_balanced_focal", {"beta": 0.9, "gamma": 1.5, "form": form})(output, batch)
    torch.testing.assert_close(found, mixture(costs, batch.targets), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["sigmoid", "softmax"])
def test_focal_of_gamma_zero_and_alike_classes_is_cross_entropy(form: str) -> None:
    output, batch = example(MIXED)
    found = build_long_tailed("class_balanced_focal", {"beta": 0.0, "gamma": 0.0, "form": form})(output, batch)
    if form == "softmax":
        wanted = build_long_tailed("cross_entropy")(output, batch)
    else:
        binary = F.binary_cross_entropy_with_logits(output.logits, batch.targets, reduction="none")
        wanted = binary.sum(dim=1) * batch.targets.sum(dim=1)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"beta": -0.1}, r"beta must be in \[0, 1\)"), ({"gamma": -1.0}, r"gamma must be 0 or more")],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build_long_tailed("class_balanced_focal", options)

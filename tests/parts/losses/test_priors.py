from typing import Any

import numpy as np
import pytest
import torch

from handful.parts.losses._priors import class_weights, effective_number
from tests.parts.losses.examples import COUNTS


def test_the_effective_number_is_the_sum_it_stands_for() -> None:
    for beta in (0.0, 0.5, 0.9, 0.9999):
        wanted = [sum(beta**i for i in range(n)) for n in COUNTS]
        torch.testing.assert_close(effective_number(COUNTS, beta), torch.tensor(wanted).float())
    assert effective_number(np.array([10**6]), 0.999).item() == pytest.approx(1000)


@pytest.mark.parametrize("kind", ["none", "inverse", "effective"])
def test_weights_are_one_on_average_over_the_training_images(kind: Any) -> None:
    weights = class_weights(COUNTS, kind, 0.9).double().numpy()
    assert (weights @ COUNTS) / COUNTS.sum() == pytest.approx(1)
    ratio = {"none": 1.0, "inverse": 40.0, "effective": (1 - 0.9**40) / (1 - 0.9)}[kind]
    assert weights[3] / weights[0] == pytest.approx(ratio, rel=1e-5)

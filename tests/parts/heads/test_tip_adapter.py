from typing import Any

import numpy as np
import pytest
import torch

from tests.parts.heads.fitted_heads import PLAIN, K, assert_refused, blobs, fitted, scores


def test_scores_are_those_of_the_papers_equation() -> None:
    head = fitted("tip_adapter", {**PLAIN, "alpha": 2.0, "beta": 3.0, "scale": 7.0}, per_class=2)
    (x, y), (test, _) = blobs(2), blobs(1, seed=1)
    unit = torch.nn.functional.normalize
    for i, f in enumerate(unit(test)):
        expected = [7 * float(f @ unit(x[y == k].mean(dim=0), dim=0)) for k in range(K)]
        for key, label in zip(unit(x), y, strict=True):
            expected[int(label)] += 2 * float(torch.exp(-3 * (1 - f @ key)))
        np.testing.assert_allclose(scores(head, test)[i], expected, rtol=1e-4)


@pytest.mark.parametrize("options", [{"beta": -1}, {"alpha": True}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert_refused("tip_adapter", options)

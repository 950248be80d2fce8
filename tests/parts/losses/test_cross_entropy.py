from typing import Any

import pytest
import torch
import torch.nn.functional as F

from handful.errors import RecipeError
from handful.parts.losses._priors import class_weights
from handful.parts.losses.cross_entropy import build
from tests.parts.losses.examples import BOTH, COUNTS, ONE_HOT, build_long_tailed, example
from tests.support.datasets import context


@BOTH
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_equals_torch_on_one_hot_and_mixed_targets(kind: str, smoothing: float) -> None:
    output, batch = example(kind)
    values = build(context(), smoothing=smoothing)(output, batch)
    expected = F.cross_entropy(output.logits, batch.targets, label_smoothing=smoothing, reduction="none")
    torch.testing.assert_close(values[:-1], expected[:-1])
    assert values[-1] == 0


@BOTH
@pytest.mark.parametrize("options", [{}, {"reweight": "inverse"}, {"reweight": "effective", "beta": 0.9}])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_weighted_cross_entropy_is_pytorchs(kind: str, options: dict[str, Any], smoothing: float) -> None:
    output, batch = example(kind)
    weights = class_weights(COUNTS, options.get("reweight", "none"), 0.9)
    found = build_long_tailed("cross_entropy", {**options, "smoothing": smoothing})(output, batch)
    wanted = F.cross_entropy(
        output.logits[:-1], batch.targets[:-1], weight=weights, reduction="none", label_smoothing=smoothing
    )
    torch.testing.assert_close(found[:-1], wanted)
    if kind == ONE_HOT:
        hard = F.cross_entropy(
            output.logits, batch.labels, weight=weights, reduction="none", ignore_index=-1, label_smoothing=smoothing
        )
        torch.testing.assert_close(found, hard)


@pytest.mark.parametrize(("options", "message"), [({"reweight": "inverse", "beta": 1.0}, r"beta must be in \[0, 1\)")])
def test_numbers_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build_long_tailed("cross_entropy", options)

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from handful.errors import RecipeError
from handful.parts.losses import gcpl
from tests.parts.losses.examples import MIXED, ONE_HOT, example, probabilities, smoothed
from tests.support.datasets import context, recipe


@pytest.mark.parametrize("kind", [ONE_HOT, MIXED])
@pytest.mark.parametrize(("prototype", "smoothing"), [(0.001, 0.0), (2.0, 0.1), (0.0, 0.0)])
def test_equals_the_formula_by_hand(kind: str, prototype: float, smoothing: float) -> None:
    output, batch = example(kind)
    apart = torch.rand((6, 4), generator=torch.Generator().manual_seed(1)) * 9
    found = gcpl.build(context(), prototype=prototype, smoothing=smoothing)(replace(output, distances=apart), batch)
    expected = []
    rows = (probabilities(output.logits), smoothed(batch.targets, smoothing), batch.targets.tolist(), apart.tolist())
    for p, soft, t, d in zip(*rows, strict=True):
        dce = -sum(s * math.log(q) for s, q in zip(soft, p, strict=True))
        expected.append(dce + prototype * sum(share * far for share, far in zip(t, d, strict=True)) / 2)
    assert found.tolist() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("options", [{"prototype": -1.0}, {"prototype": float("inf")}, {"smoothing": 1.0}])
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"weight of 0 or more|smoothing must be"):
        gcpl.build(context(), **options)


def test_a_recipe_without_prototypes_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"(?s)'gcpl' needs a head with prototypes.*head.name"):
        recipe("linear", 'stages=[{steps=3, losses=["gcpl"]}]')

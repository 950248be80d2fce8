from typing import Any

import pytest
import torch

from handful.core.tensors import LabelEmbedding
from handful.errors import RecipeError
from handful.parts.losses._priors import class_weights
from handful.parts.losses.ldam import LDAM
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
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_ldam_takes_the_margin_off_the_label(kind: str, scale: float) -> None:
    output, batch = example(kind)
    margins = [0.5 * (1 / n) ** 0.25 for n in COUNTS.tolist()]  # the rarest class has one image
    costs = [
        [cross_entropy_by_hand([s - scale * margins[c] * (j == c) for j, s in enumerate(row)], c) for c in range(K)]
        for row in rows(output.logits)
    ]
    found = build_long_tailed("ldam", {"scale": scale})(output, batch)
    torch.testing.assert_close(found, mixture(costs, batch.targets), rtol=1e-4, atol=1e-5)
    weights = class_weights(COUNTS, "effective", 0.9)
    again = build_long_tailed("ldam", {"scale": scale, "reweight": "effective", "beta": 0.9})(output, batch)
    torch.testing.assert_close(again, mixture(costs, batch.targets * weights), rtol=1e-4, atol=1e-5)


def test_ldam_follows_the_temperature_of_cosine_labels() -> None:
    soft = LabelEmbedding(torch.eye(K), similarity="cosine", temperature=0.05)
    loss = build_long_tailed("ldam", {"max_margin": 0.3}, labels=soft)
    assert isinstance(loss, LDAM)
    assert loss.margins.max().item() == pytest.approx(0.3 / 0.05)
    assert build_long_tailed("ldam").margins.max().item() == pytest.approx(0.5)
    ratio = loss.margins[0] / loss.margins[1]
    assert ratio.item() == pytest.approx((16 / 40) ** 0.25)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"max_margin": 0.0}, r"max_margin must be above 0"), ({"scale": -1.0}, r"scale must be above 0")],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build_long_tailed("ldam", options)

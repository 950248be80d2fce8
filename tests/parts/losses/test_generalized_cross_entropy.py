"""Generalized cross-entropy: between cross-entropy and the mean absolute error."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from handful.core.tensors import Batch, Output
from handful.parts.losses.generalized_cross_entropy import build
from tests.support.datasets import context

LOGITS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)) * 3
LABELS = torch.tensor([0, 1, 2, 0, 1, -1])
BATCH = Batch(torch.zeros(6, 3, 2, 2), LABELS, torch.eye(3)[LABELS], torch.full((6, 2, 2), -1))
OUTPUT = Output(LOGITS, LOGITS, LOGITS)


@pytest.mark.parametrize("q", [0.3, 0.7, 1.0])
def test_it_is_the_box_cox_transform_of_the_probability(q: float) -> None:
    p = LOGITS.softmax(dim=1)[torch.arange(6), LABELS]
    torch.testing.assert_close(build(context(), q=q)(OUTPUT, BATCH), (1 - p**q) / q)
    assert build(context(), q=q)(OUTPUT, BATCH).max() <= 1 / q


def test_near_0_it_is_cross_entropy() -> None:
    expected = F.cross_entropy(LOGITS, LABELS % 3, reduction="none")
    torch.testing.assert_close(build(context(), q=1e-4)(OUTPUT, BATCH), expected, rtol=2e-3, atol=1e-3)


def test_mixed_targets_are_the_mean_of_both_and_no_label_costs_nothing() -> None:
    loss = build(context())
    mixed = replace(BATCH, targets=torch.tensor([[0.3, 0.7, 0.0]] * 6))
    one, two = (loss(OUTPUT, replace(BATCH, targets=torch.eye(3)[[c] * 6])) for c in (0, 1))
    torch.testing.assert_close(loss(OUTPUT, mixed), 0.3 * one + 0.7 * two)
    assert (loss(OUTPUT, replace(BATCH, targets=torch.zeros(6, 3))) == 0).all()


@pytest.mark.parametrize("q", [0.0, 1.5])
def test_an_exponent_out_of_range_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="q must be above 0"):
        build(context(), q=q)

"""Asymmetric loss against a slow form, and against binary cross-entropy."""

from dataclasses import replace
from math import exp, log

import pytest
import torch
import torch.nn.functional as F

from handful.core.recipe import Part
from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts.losses.asymmetric import build
from handful.training.train import train
from tests.support.datasets import context, recipe, several_squares, squares


def _example() -> tuple[Output, Batch]:
    g = torch.Generator().manual_seed(0)
    logits = torch.randn((5, 3), generator=g) * 3
    targets = (torch.rand((5, 3), generator=g) < 0.4).float()
    known = torch.rand((5, 3), generator=g) < 0.7
    batch = Batch(torch.zeros(5, 3, 2, 2), torch.zeros(5).long(), targets, torch.zeros(5, 2, 2).long(), known=known)
    return Output(logits, logits, logits), batch


def test_it_is_the_sum_of_the_papers_terms_over_the_known_entries() -> None:
    output, batch = _example()
    assert batch.known is not None
    values = build(context(), present=1.0, absent=4.0, margin=0.05)(output, batch)
    for i in range(5):
        total = 0.0
        for c in range(3):
            p = 1 / (1 + exp(-float(output.logits[i, c])))
            shifted = max(p - 0.05, 0.0)
            term = (1 - p) * log(p) if batch.targets[i, c] == 1 else shifted**4 * log(1 - shifted)
            total -= term if batch.known[i, c] else 0.0
        assert float(values[i]) == pytest.approx(total, rel=1e-4, abs=1e-6)


def test_without_exponents_and_margin_it_is_binary_cross_entropy() -> None:
    output, batch = _example()
    assert batch.known is not None
    values = build(context(), present=0.0, absent=0.0, margin=0.0)(output, batch)
    each = F.binary_cross_entropy_with_logits(output.logits, batch.targets, reduction="none") * batch.known
    torch.testing.assert_close(values, each.sum(dim=1), rtol=1e-4, atol=1e-5)


def test_it_trains_several_labels_and_refuses_one() -> None:
    tiny = recipe("linear")
    tiny = replace(tiny, stages=(replace(tiny.stages[0], losses=(Part("asymmetric"),)),))
    assert train(tiny, several_squares(20, known=0.8), device="cpu", progress=False).kind == "multilabel"
    with pytest.raises(RecipeError, match="losses/asymmetric is for images with several labels"):
        train(tiny, squares(4), device="cpu", progress=False)


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="give 0 or more"):
        build(context(), absent=-1.0)
    with pytest.raises(ValueError, match="margin < 1"):
        build(context(), margin=1.0)

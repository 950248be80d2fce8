"""Unknown entries weighed by the averaged network."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from handful.core.recipe import Part
from handful.core.tensors import Output
from handful.errors import RecipeError
from handful.parts.losses.soft_teacher import build
from handful.training.train import train
from tests.parts.losses.test_positive_unlabelled import example
from tests.support.datasets import context, recipe, several_squares


def test_an_unknown_entry_counts_as_absent_as_far_as_the_teacher_says_so() -> None:
    output, batch = example()
    logits = torch.linspace(-3, 3, 18).view(6, 3)
    batch = replace(batch, teacher_output=Output(logits, logits, logits), progress=1.0)
    found = build(context(), rise=0.2)(output, batch)
    assert batch.known is not None
    known = F.binary_cross_entropy_with_logits(output.logits, batch.targets, reduction="none") * batch.known
    unknown = batch.known.logical_not() & batch.known.any(dim=1, keepdim=True)
    absent = F.softplus(output.logits) * (1 - logits.sigmoid()) * unknown
    torch.testing.assert_close(found, (known + absent).sum(dim=1))


def test_at_the_start_the_teacher_hardly_counts() -> None:
    output, batch = example()
    logits = torch.zeros(6, 3)
    batch = replace(batch, teacher_output=Output(logits, logits, logits))
    early = build(context(), rise=0.2)(output, batch)
    late = build(context(), rise=0.2)(output, replace(batch, progress=0.5))
    masked = F.binary_cross_entropy_with_logits(output.logits, batch.targets, reduction="none")
    assert batch.known is not None
    masked = (masked * batch.known).sum(dim=1)
    assert float((early - masked).max()) < 0.02 * float((late - masked).max())


def test_it_trains_beside_an_averaged_network_and_is_refused_without() -> None:
    tiny = recipe("linear")
    tiny = replace(tiny, ema=0.9, stages=(replace(tiny.stages[0], losses=(Part("soft_teacher"),)),))
    data = several_squares(20, known=0.5)
    assert np.isfinite(train(tiny, data, device="cpu", progress=False).probabilities(data)).all()
    with pytest.raises(RecipeError, match="ema"):
        train(replace(tiny, ema=None), data, device="cpu", progress=False)


def test_a_rise_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rise must be in \[0, 1\]"):
        build(context(), rise=2.0)

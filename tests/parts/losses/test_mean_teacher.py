"""Mean teacher against its formula, and its ramp."""

import math
from dataclasses import replace

import pytest
import torch

from handful.core.tensors import Batch, Output
from handful.parts.losses._views import ramp_up
from handful.parts.losses.mean_teacher import MeanTeacher, build
from tests.support.datasets import context


def example() -> tuple[Output, Batch]:
    """Two labelled and three other images, with a view of the others."""
    g = torch.Generator().manual_seed(0)
    first, view, teacher = (torch.randn(n, 4, generator=g) for n in (5, 3, 5))
    labels = torch.tensor([1, 0, -1, -1, -1])
    batch = Batch(torch.rand(5, 3, 2, 2), labels, torch.zeros(5, 4), torch.full((5, 2, 2), -1), progress=1.0)
    batch = replace(batch, views=(batch.rows(labels < 0),), teacher_output=Output(teacher, teacher, teacher))
    return Output(first, first, first, views=(Output(view, view, view),)), batch


def test_it_is_the_squared_difference_of_the_views_probabilities() -> None:
    output, batch = example()
    assert batch.teacher_output is not None
    expected = [0.0, 0.0]
    for i in range(3):
        student, teacher = output.views[0].logits[i].softmax(0), batch.teacher_output.logits[2 + i].softmax(0)
        expected.append(float(sum((a - b) ** 2 for a, b in zip(student, teacher, strict=True))) / 4)
    torch.testing.assert_close(MeanTeacher(0.2)(output, batch), torch.tensor(expected))


def test_of_an_image_with_candidates_the_teacher_predicts_among_these() -> None:
    output, batch = example()
    assert batch.teacher_output is not None
    candidates = torch.zeros(5, 4, dtype=torch.bool)
    candidates[3, [0, 2]] = True
    values = MeanTeacher(0.2)(output, replace(batch, candidates=candidates))
    p = batch.teacher_output.logits[3].softmax(0)
    teacher = torch.stack([p[0], torch.tensor(0.0), p[2], torch.tensor(0.0)]) / (p[0] + p[2])
    expected = MeanTeacher(0.2)(output, batch)
    expected[3] = (output.views[0].logits[1].softmax(0) - teacher).square().mean()
    torch.testing.assert_close(values, expected)


def test_its_weight_rises_with_the_training() -> None:
    output, batch = example()
    loss = MeanTeacher(0.5)
    whole = loss(output, batch)
    for progress, factor in ((0.0, math.exp(-5)), (0.25, math.exp(-1.25)), (0.5, 1.0), (0.9, 1.0)):
        torch.testing.assert_close(loss(output, replace(batch, progress=progress)), whole * factor)
    assert ramp_up(0.0, 0.0) == 1.0


def test_a_rise_outside_the_stage_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rise must be in \[0, 1\], not 1.5"):
        build(context(), rise=1.5)

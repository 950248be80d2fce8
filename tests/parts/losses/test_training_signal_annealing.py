"""Training signal annealing: which images count, and the mean over these."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts.losses.training_signal_annealing import Schedule, build, threshold
from tests.support.datasets import context, recipe


@pytest.mark.parametrize("schedule", ["linear", "exponential", "logarithmic"])
def test_the_threshold_rises_from_chance_to_one(schedule: Schedule) -> None:
    etas = [threshold(schedule, t, 4) for t in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert etas == sorted(etas)
    assert etas[0] == pytest.approx(0.25, abs=0.01)
    assert etas[-1] == pytest.approx(1, abs=0.01)
    assert threshold("linear", 0.5, 4) == pytest.approx(0.5 * 0.75 + 0.25)
    assert threshold("exponential", 0.5, 4) == pytest.approx(math.exp(-2.5) * 0.75 + 0.25)
    assert threshold("exponential", 0.5, 4) < threshold("linear", 0.5, 4) < threshold("logarithmic", 0.5, 4)


def test_the_mean_is_over_the_images_that_the_network_is_not_sure_of() -> None:
    logits = torch.tensor([[4.0, 0, 0], [0.1, 0, 0], [0, 0.3, 0.2], [0, 0, 0]], requires_grad=True)
    labels = torch.tensor([0, 0, 2, -1])
    targets = torch.eye(3)[labels] * (labels >= 0)[:, None]
    batch = Batch(torch.zeros(4, 3, 2, 2), labels, targets, torch.full((4, 2, 2), -1))
    loss, output = build(context()), Output(logits, logits, logits)
    values = loss(output, replace(batch, progress=0.5))  # eta is 2/3
    each = F.cross_entropy(logits[:3], labels[:3], reduction="none")
    assert values[0] == values[3] == 0
    torch.testing.assert_close(values[:3].mean(), each[1:].mean())
    assert loss(output, replace(batch, progress=0.0)).sum() <= each[2] * 3  # below chance alone
    torch.testing.assert_close(loss(output, replace(batch, progress=1.0))[:3], each)


def test_of_an_image_with_candidates_the_probability_is_their_sum() -> None:
    logits = torch.tensor([[2.0, 2, 0], [0.1, 0, 0.4], [0.3, 0, 0]], requires_grad=True)
    candidates = torch.tensor([[True, True, False], [True, True, False], [False, False, False]])
    batch = Batch(
        torch.zeros(3, 3, 2, 2), torch.tensor([-1, -1, 1]), torch.eye(3)[[1, 1, 1]], torch.full((3, 2, 2), -1)
    )
    targets = batch.targets * (batch.labels >= 0)[:, None]
    batch = replace(batch, targets=targets, candidates=candidates, progress=0.5)  # eta is 2/3
    values = build(context())(Output(logits, logits, logits), batch)
    sums = logits.softmax(dim=1)[:, :2].sum(dim=1)
    assert sums[0] > 2 / 3 > sums[1]
    expected = torch.stack([torch.tensor(0.0), -sums[1].log(), F.cross_entropy(logits[2], torch.tensor(1))]) * 3 / 2
    torch.testing.assert_close(values, expected)


def test_an_unknown_schedule_is_refused() -> None:
    with pytest.raises(RecipeError, match="schedule is 'log'"):
        recipe("linear", 'stages.0.losses=[{name="training_signal_annealing",schedule="log"}]')

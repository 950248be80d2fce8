"""Early-learning regularization against the formula, image by image, and its memory."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from handful.core.tensors import Batch, Output
from handful.parts.losses.early_learning import EarlyLearning, build
from tests.support.datasets import context


def example(index: list[int], labels: list[int], seed: int = 0) -> tuple[Output, Batch]:
    n = len(index)
    logits = (torch.randn(n, 3, generator=torch.Generator().manual_seed(seed)) * 2).requires_grad_()
    known = torch.tensor(labels)
    targets = torch.eye(3)[known] * (known >= 0)[:, None]
    batch = Batch(torch.zeros(n, 3, 2, 2), known, targets, torch.full((n, 2, 2), -1), torch.tensor(index))
    return Output(logits, logits, logits), batch


def test_the_memory_is_a_moving_average_that_enters_the_loss() -> None:
    loss, memory = EarlyLearning(5, 3, 3.0, 0.7), [[0.0] * 3 for _ in range(5)]
    for seed in range(4):
        index, labels = [4, 1, 2], [0, 2, 1]
        output, batch = example(index, labels, seed)
        values = loss(output, batch)
        for row, (i, label) in enumerate(zip(index, labels, strict=True)):
            p = output.logits[row].softmax(0).tolist()
            memory[i] = [0.7 * t + 0.3 * x for t, x in zip(memory[i], p, strict=True)]
            agreement = sum(t * x for t, x in zip(memory[i], p, strict=True))
            assert values[row].item() == pytest.approx(-math.log(p[label]) + 3 * math.log(1 - agreement), rel=1e-3)
        torch.testing.assert_close(loss.memory, torch.tensor(memory), atol=2e-4, rtol=1e-3)
    assert (loss.memory[[0, 3]] == 0).all()


def test_an_image_that_is_there_twice_counts_with_its_mean() -> None:
    loss = EarlyLearning(3, 3, 1.0, 0.5)
    output, batch = example([2, 0, 2], [0, 1, 0])
    loss(output, batch)
    p = output.logits.detach().softmax(dim=1)
    torch.testing.assert_close(loss.memory[2], (p[0] + p[2]) / 4, atol=1e-3, rtol=1e-3)


def test_it_pulls_towards_what_was_predicted_when_the_label_contradicts() -> None:
    loss = EarlyLearning(1, 3, 3.0, 0.0)
    output, batch = example([0], [1])
    logits = torch.tensor([[4.0, 0.0, 0.0]], requires_grad=True)
    loss(replace(output, logits=logits), batch).sum().backward()
    plain = torch.tensor([[4.0, 0.0, 0.0]], requires_grad=True)
    F.cross_entropy(plain, torch.tensor([1])).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert plain.grad is not None
    assert plain.grad[0, 0] > 0.9  # cross-entropy gives up the class that was predicted
    assert logits.grad[0, 0] < plain.grad[0, 0] / 2


def test_in_evaluation_mode_nothing_is_remembered_and_without_strength_it_is_cross_entropy() -> None:
    loss = EarlyLearning(3, 3, 0.0, 0.7).eval()
    output, batch = example([0, 1, 2], [0, 1, 2])
    torch.testing.assert_close(loss(output, batch), F.cross_entropy(output.logits, batch.labels, reduction="none"))
    assert (loss.memory == 0).all()


def test_the_memory_has_a_row_for_each_training_image() -> None:
    assert build(replace(context(), images=17)).memory.shape == (17, 3)


@pytest.mark.parametrize(("option", "value"), [("strength", -1.0), ("momentum", 1.0)])
def test_numbers_out_of_range_are_refused(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=option):
        build(context(), **{option: value})

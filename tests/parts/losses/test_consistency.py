"""Consistency against a loop over images, and distribution alignment against its definition."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from handful.core.context import Task
from handful.core.tensors import Batch, Output
from handful.parts.losses._alignment import BATCHES
from handful.parts.losses.consistency import Consistency, build
from tests.support.datasets import context

K = 3


def example(seed: int = 0, n: int = 6, unlabelled: int = 4) -> tuple[Output, Batch]:
    """Labelled images, then unlabelled ones with a view of these."""
    g = torch.Generator().manual_seed(seed)
    first, view = torch.randn(n, K, generator=g) * 2, torch.randn(unlabelled, K, generator=g)
    first, view = first.requires_grad_(), view.requires_grad_()
    labels = torch.tensor([0] * (n - unlabelled) + [-1] * unlabelled)
    batch = Batch(torch.rand(n, 3, 2, 2), labels, torch.zeros(n, K), torch.full((n, 2, 2), -1))
    batch = replace(batch, views=(batch.rows(labels < 0),))
    return Output(first, first, first, views=(Output(view, view, view),)), batch


def by_hand(output: Output, threshold: float, temperature: float, hard: bool) -> list[float]:
    values = [0.0, 0.0]
    for weak, strong in zip(output.logits[2:].tolist(), output.views[0].logits.tolist(), strict=True):
        q = [math.exp(x) / sum(map(math.exp, weak)) for x in weak]
        log_p = [x - math.log(sum(map(math.exp, strong))) for x in strong]
        sharp = [x ** (1 / temperature) for x in q]
        sharp = [x / sum(sharp) for x in sharp]
        divergence = sum(t * (math.log(t) - s) for t, s in zip(sharp, log_p, strict=True))
        value = -log_p[q.index(max(q))] if hard else divergence
        values.append(value if max(q) >= threshold else 0.0)
    return values


@pytest.mark.parametrize("hard", [False, True])
def test_of_an_image_with_candidates_the_prediction_is_among_these(hard: bool) -> None:
    output, batch = example()
    candidates = torch.zeros(6, K, dtype=torch.bool)
    candidates[4, :2] = True
    loss = build(context(), threshold=0.0, temperature=0.4, hard=hard)
    values, plain = loss(output, replace(batch, candidates=candidates)), loss(output, batch)
    logits = output.logits.detach().clone()
    logits[4, 2] = -1e4  # the network says itself that it is not the third
    expected = loss(replace(output, logits=logits), batch)
    torch.testing.assert_close(values, expected)
    assert torch.equal(values[:4], plain[:4])
    sure = build(context(), threshold=0.99, hard=hard)
    assert not sure(output, batch)[4]
    candidates[4, 1] = False
    assert sure(output, replace(batch, candidates=candidates))[4] > 0  # a single candidate is certain


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.6, 1.0])
def test_it_is_the_divergence_from_a_confident_prediction(threshold: float, hard: bool) -> None:
    output, batch = example()
    values = build(context(), threshold=threshold, temperature=0.4, hard=hard)(output, batch)
    torch.testing.assert_close(values, torch.tensor(by_hand(output, threshold, 0.4, hard)))
    assert (values == 0).all() if threshold == 1 else (values > 0).any()


def test_hard_targets_are_those_of_cross_entropy_and_only_the_strong_view_learns() -> None:
    output, batch = example()
    values = build(context(), threshold=0.0, hard=True)(output, batch)
    expected = F.cross_entropy(output.views[0].logits, output.logits[2:].argmax(dim=1), reduction="none")
    torch.testing.assert_close(values[2:], expected)
    values.sum().backward()
    assert output.logits.grad is None
    assert output.views[0].logits.grad is not None


def aligned(counts: list[int]) -> Consistency:
    given = context(classes=tuple("abc"))
    task = Task(given.task.classes, np.array(counts))
    return build(replace(given, task=task), threshold=0.5, hard=True, align=True)


def test_alignment_scales_by_the_frequencies_over_the_mean_of_the_batches_before() -> None:
    loss = aligned([2, 1, 1])
    means: list[torch.Tensor] = []
    for step in range(BATCHES + 5):
        output, batch = example(step)
        values = loss(output, batch)
        weak = output.logits[2:].softmax(dim=1).detach()
        scaled = weak
        if means:
            scaled = weak * torch.tensor([0.5, 0.25, 0.25]) / torch.stack(means[-BATCHES:]).mean(dim=0)
            scaled = scaled / scaled.sum(dim=1, keepdim=True)
        confidence, label = scaled.max(dim=1)
        expected = F.cross_entropy(output.views[0].logits, label, reduction="none") * (confidence >= 0.5)
        torch.testing.assert_close(values[2:], expected)
        means.append(weak.mean(dim=0))


def test_alignment_remembers_nothing_in_evaluation_mode() -> None:
    loss = aligned([1, 1, 1]).eval()
    before = {name: value.clone() for name, value in loss.state_dict().items()}
    loss(*example())
    assert all(torch.equal(value, before[name]) for name, value in loss.state_dict().items())
    assert not dict(build(context()).state_dict())


@pytest.mark.parametrize(("option", "value"), [("threshold", 1.5), ("threshold", -0.1), ("temperature", 0.0)])
def test_numbers_out_of_range_are_refused(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=option):
        build(context(), **{option: value})  # type: ignore[arg-type]

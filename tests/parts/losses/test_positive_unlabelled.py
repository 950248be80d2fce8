"""Positive-unlabelled loss of several labels against a slow form."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
import torch

from handful.core.recipe import Part
from handful.core.tensors import Batch, Output
from handful.parts.losses.positive_unlabelled import build
from handful.training.train import train
from tests.support.datasets import context, recipe, several_squares


def example(n: int = 6) -> tuple[Output, Batch]:
    g = torch.Generator().manual_seed(0)
    logits = torch.randn((n, 3), generator=g)
    targets = (torch.rand((n, 3), generator=g) < 0.4).float()
    known = torch.rand((n, 3), generator=g) < 0.7
    batch = Batch(torch.zeros(n, 3, 2, 2), torch.zeros(n).long(), targets, torch.zeros(n, 2, 2).long(), known=known)
    return Output(logits, logits, logits), batch


def slow(output: Output, batch: Batch, alpha: float | None, gamma: float) -> float:
    assert batch.known is not None
    rows = [i for i in range(len(batch.labels)) if bool(batch.known[i].any())]
    total = 0.0
    for c in range(3):
        z = [float(output.logits[i, c]) for i in rows]
        temperature = 1.0 if alpha is None else min(1.0, alpha * float(np.std(z)))
        p = [1 / (1 + exp(-v / temperature)) for v in z]
        shown = [p[j] for j, i in enumerate(rows) if batch.known[i, c] and batch.targets[i, c] == 1]
        mean = sum(p) / len(p)
        total += mean**gamma * log(mean) - sum(log(v) for v in shown) / max(1, len(shown))
    return total


@pytest.mark.parametrize(("alpha", "gamma"), [(1.0, 0.55), (2.0, 0.85), (0.5, 0.0), (None, 0.0)])
def test_the_mean_over_the_images_is_the_papers_sum_over_the_classes(alpha: float | None, gamma: float) -> None:
    output, batch = example()
    found = build(context(), alpha=alpha, gamma=gamma)(output, batch)
    assert batch.known is not None
    rows = int(batch.known.any(dim=1).sum())
    assert float(found.sum() / rows) == pytest.approx(slow(output, batch, alpha, gamma), rel=1e-4)


def test_known_absent_entries_are_read_as_unknown_ones() -> None:
    output, batch = example()
    assert batch.known is not None
    present = replace(batch, known=(batch.known & (batch.targets == 1)) | (torch.arange(3) == 0))
    assert present.known is not None
    hidden = replace(batch, known=torch.where(batch.targets == 1, present.known, torch.arange(3) == 0))
    loss = build(context())
    torch.testing.assert_close(loss(output, present), loss(output, hidden))


def test_it_learns_from_images_of_which_only_present_classes_are_known() -> None:
    tiny = recipe("linear", "steps=100", "batch_size=60", "stages.0.optimizer.lr=0.02")
    tiny = replace(tiny, stages=(replace(tiny.stages[0], losses=(Part("positive_unlabelled"),)),))
    data, test = several_squares(60), several_squares(40, seed=1)
    samples = []
    for sample in data.samples:
        assert sample.target is not None
        samples.append(replace(sample, target=np.where(sample.target == 1, 1, np.nan).astype(np.float32)))
    one = train(tiny, replace(data, samples=tuple(samples)), device="cpu", progress=False)
    p, shown = one.probabilities(test), test.targets() == 1
    assert all(p[shown[:, c], c].mean() > p[~shown[:, c], c].mean() + 0.1 for c in range(3))


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="alpha must be above 0"):
        build(context(), alpha=0.0)

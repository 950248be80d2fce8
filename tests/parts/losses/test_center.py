from dataclasses import replace
from typing import Any

import pytest
import torch

from handful.core.tensors import Batch, Output
from handful.parts.losses.center import BatchCenter, LearnedCenter, build, distances
from tests.parts.losses.examples import MIXED, ONE_HOT, example
from tests.support.datasets import context


def by_hand(features: torch.Tensor, targets: torch.Tensor, centers: list[list[float]]) -> list[float]:
    values = []
    for x, t in zip(features.tolist(), targets.tolist(), strict=True):
        squares = [sum((a - b) ** 2 for a, b in zip(x, center, strict=True)) for center in centers]
        values.append(sum(share * square for share, square in zip(t, squares, strict=True)) / 2)
    return values


def means(features: torch.Tensor, targets: torch.Tensor) -> list[list[float]]:
    found = []
    for j in range(targets.shape[1]):
        total = sum(row[j] for row in targets.tolist())
        sums = [0.0] * features.shape[1]
        for x, t in zip(features.tolist(), targets.tolist(), strict=True):
            sums = [s + t[j] * a for s, a in zip(sums, x, strict=True)]
        found.append([s / total if total else 0.0 for s in sums])
    return found


def learned(classes: int = 4, features: int = 5, **options: Any) -> LearnedCenter:
    given = replace(context(classes=tuple(map(str, range(classes)))), features=lambda: features)
    loss = build(given, centers="learned", **options)
    assert isinstance(loss, LearnedCenter)
    return loss


@pytest.mark.parametrize("kind", [ONE_HOT, MIXED])
def test_batch_centers_equal_equation_6_by_hand(kind: str) -> None:
    output, batch = example(kind, n=9)
    expected = by_hand(output.features, batch.targets, means(output.features, batch.targets))
    loss = build(context())
    assert isinstance(loss, BatchCenter)
    assert loss(output, batch).tolist() == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("kind", [ONE_HOT, MIXED])
def test_a_gradient_through_the_means_would_be_the_same(kind: str) -> None:
    output, batch = example(kind, n=9)
    (ours,) = torch.autograd.grad(BatchCenter()(output, batch).sum(), output.features)
    centers = (batch.targets / batch.targets.sum(dim=0).clamp_min(1e-9)).T @ output.features
    (through,) = torch.autograd.grad(distances(output.features, batch.targets, centers).sum(), output.features)
    torch.testing.assert_close(ours, through)
    assert ours[:-1].abs().max() > 0.1


def test_an_image_alone_of_its_class_costs_nothing() -> None:
    output, batch = example(ONE_HOT, n=3, k=3)
    alone = replace(batch, labels=torch.arange(3), targets=torch.eye(3))
    assert BatchCenter()(output, alone).tolist() == pytest.approx([0, 0, 0], abs=1e-6)


@pytest.mark.parametrize("kind", [ONE_HOT, MIXED])
def test_learned_centers_move_by_the_papers_rule(kind: str) -> None:
    loss, alpha = learned(alpha=0.3), 0.3
    centers = [[0.0] * 5 for _ in range(4)]
    for seed in range(3):
        output, batch = example(kind, n=9, seed=seed)
        expected = by_hand(output.features, batch.targets, centers)
        assert loss(output, batch).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-6)
        for j in range(4):
            count = sum(t[j] for t in batch.targets.tolist())
            for d in range(5):
                pull = sum(
                    t[j] * (centers[j][d] - x[d])
                    for x, t in zip(output.features.tolist(), batch.targets.tolist(), strict=True)
                )
                centers[j][d] -= alpha * pull / (1 + count)
        assert loss.centers.flatten().tolist() == pytest.approx([c for row in centers for c in row], rel=1e-4, abs=1e-6)


def test_learned_centers_are_no_parameters_are_saved_and_rest_outside_training() -> None:
    loss = learned()
    assert not list(loss.parameters())
    output, batch = example(ONE_HOT)
    loss(output, batch).sum().backward()
    kept = loss.state_dict()["centers"].clone()
    assert kept.any()
    loss.eval()
    loss(output, batch)
    assert torch.equal(loss.centers, kept)


def test_learned_centers_find_the_class_means() -> None:
    g = torch.Generator().manual_seed(0)
    loss, truth = learned(classes=2, features=3, alpha=0.5), torch.tensor([[1.0, 2.0, 3.0], [-1.0, 0.0, 4.0]])
    labels = torch.arange(20) % 2
    blank = Batch(torch.rand(20, 3, 1, 1), labels, torch.eye(2)[labels], torch.zeros(20, 1, 1, dtype=torch.long))
    for _ in range(40):
        x = truth[labels] + 0.1 * torch.randn((20, 3), generator=g)
        loss(Output(x, x, x), blank)
    torch.testing.assert_close(loss.centers, truth, atol=0.1, rtol=0)


@pytest.mark.parametrize("options", [{"centers": "paper"}, {"alpha": 0.0}, {"alpha": 1.5}])
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"centers must be|alpha must be"):
        build(context(), **options)

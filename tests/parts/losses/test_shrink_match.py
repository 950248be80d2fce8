"""ShrinkMatch against the authors' loop over classes, its running share, and what it leaves alone."""

import math
from dataclasses import replace

import pytest
import torch

from handful.core.tensors import Batch, Output
from handful.parts.losses.shrink_match import MOMENTUM, ShrinkMatch, build, shrunk_classes
from tests.support.datasets import context

K, C, N, PILE = 5, 8, 7, 5


def example(seed: int = 0, scale: float = 2.0) -> tuple[Output, Batch]:
    """Labelled images, then unlabelled ones with a view of these."""
    g = torch.Generator().manual_seed(seed)
    first = (torch.randn(N, K, generator=g) * scale).requires_grad_()
    view = torch.randn(PILE, K, generator=g).requires_grad_()
    features = torch.randn(PILE, C, generator=g).requires_grad_()
    labels = torch.tensor([0] * (N - PILE) + [-1] * PILE)
    batch = Batch(torch.rand(N, 3, 2, 2), labels, torch.zeros(N, K), torch.full((N, 2, 2), -1))
    batch = replace(batch, views=(batch.rows(labels < 0),))
    return Output(first, first, torch.randn(N, C), views=(Output(view, view, features),)), batch


def made(*, threshold: float = 0.8, align: bool = False) -> ShrinkMatch:
    torch.manual_seed(1)
    return build(replace(context(classes=tuple("abcde")), features=lambda: C), threshold=threshold, align=align)


def by_loop(q: list[float], threshold: float) -> tuple[int, set[int]]:
    """The first class, and those that stay: ranks 2, 3, ... leave until the first has the threshold's share."""
    order = sorted(range(len(q)), key=lambda c: -q[c])
    for c in range(1, len(q) + 1):
        stays = [order[0], *order[c:]]
        if q[order[0]] / sum(q[i] for i in stays) >= threshold:
            break
    return order[0], set(stays)


@pytest.mark.parametrize("threshold", [0.0, 0.6, 0.95, 1.0])
def test_the_classes_that_stay_are_those_of_the_loop(threshold: float) -> None:
    q = (torch.randn(200, K, generator=torch.Generator().manual_seed(2)) * 2).softmax(dim=1).double()
    first, stays, confident = shrunk_classes(q.float(), threshold)
    for i, row in enumerate(q.float().tolist()):
        top, expected = by_loop(row, threshold)
        assert int(first[i]) == top
        assert set(stays[i].nonzero()[:, 0].tolist()) == expected
        assert bool(confident[i]) == (max(row) >= threshold)


def test_images_in_doubt_learn_their_first_class_within_the_smaller_set() -> None:
    loss, (output, batch) = made(), example()
    loss.confident.fill_(0.4)
    loss.eval()
    values = loss(output, batch).tolist()
    assert values[: N - PILE] == [0.0] * (N - PILE)
    scores = loss.auxiliary(output.views[0].features).tolist()
    seen = set()
    for i, row in enumerate(output.logits[N - PILE :].softmax(dim=1).tolist()):
        first, stays = by_loop(row, 0.8)
        if len(stays) == K:
            strong = output.views[0].logits[i].log_softmax(dim=0).tolist()
            expected = -sum(q * s for q, s in zip(row, strong, strict=True))
        else:
            total = sum(math.exp(scores[i][c]) for c in stays)
            expected = 0.4 * row[first] * (math.log(total) - scores[i][first])
        assert values[N - PILE + i] == pytest.approx(expected, abs=1e-5)
        seen.add(len(stays))
    assert len(seen) > 1


def test_the_weak_view_is_a_target_and_the_auxiliary_head_learns() -> None:
    loss, (output, batch) = made(), example()
    loss.confident.fill_(0.4)
    loss(output, batch).sum().backward()
    assert output.logits.grad is None
    assert output.views[0].logits.grad is not None
    assert output.views[0].features.grad is not None
    assert all(p.grad is not None and bool(p.grad.any()) for p in loss.auxiliary.parameters())


def test_the_share_of_confident_images_is_of_the_batches_before() -> None:
    loss, expected = made(), 0.0
    for step in range(4):
        output, batch = example(step)
        assert float(loss.confident) == pytest.approx(expected)
        loss(output, batch)
        sure = (output.logits[N - PILE :].softmax(dim=1).amax(dim=1) >= 0.8).float().mean()
        expected = MOMENTUM * expected + (1 - MOMENTUM) * float(sure)
    assert expected > 0
    loss.eval()(*example(9))
    assert float(loss.confident) == pytest.approx(expected)


def test_a_threshold_out_of_range_is_refused() -> None:
    for value in (-0.1, 1.5):
        with pytest.raises(ValueError, match="threshold must be in"):
            made(threshold=value)

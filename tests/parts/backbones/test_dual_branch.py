"""Equation 2 by hand: lambda is read off a spy on which branch ran."""

from collections import Counter

import pytest
import torch
from torch import Tensor, nn

from handful.parts.backbones._dual_branch import DualBranch, LambdaPer


class Scale(nn.Module):
    """x times a weight; notes the images it was given."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.seen: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(len(x))
        return x * self.weight


def branches(lambda_per: LambdaPer) -> tuple[DualBranch, Scale, Scale]:
    first, second = Scale(2.0), Scale(3.0)
    return DualBranch(first, second, lambda_per=lambda_per), first, second


def images(n: int) -> Tensor:
    return torch.rand((n, 2, 3, 3), generator=torch.Generator().manual_seed(0)) + 1


def lambdas(dual: DualBranch, x: Tensor) -> list[int]:
    """1 where an image went through the first branch alone, 0 through the second alone; anything else fails."""
    y = dual(x)
    found = []
    for image, result in zip(x, y, strict=True):
        first, second = bool(torch.equal(result, image * 2)), bool(torch.equal(result, image * 3))
        assert first != second
        found.append(int(first))
    return found


def test_a_batch_takes_one_branch_and_each_as_often() -> None:
    dual, first, second = branches("batch")
    torch.manual_seed(0)
    drawn = [lambdas(dual, images(3)) for _ in range(200)]
    assert {len(set(d)) for d in drawn} == {1}
    ones = sum(d[0] for d in drawn)
    assert 70 < ones < 130
    assert (len(first.seen), len(second.seen)) == (ones, 200 - ones)  # the other branch is never computed


@pytest.mark.parametrize("n", [2, 5, 1])
def test_each_image_takes_one_branch_and_each_as_often(n: int) -> None:
    dual, first, second = branches("image")
    torch.manual_seed(0)
    drawn = [lambdas(dual, images(n)) for _ in range(200)]
    for i in range(n):
        assert 70 < sum(d[i] for d in drawn) < 130
    assert {sum(d) for d in drawn} == {n // 2, (n + 1) // 2}
    assert sum(first.seen) + sum(second.seen) == 200 * n
    if n == 5:
        assert len(Counter(map(tuple, drawn))) == 20  # every 2 or 3 of the 5


@pytest.mark.parametrize("draw", ["batch", "image"])
def test_gradients_are_those_of_the_formula_with_both_branches_computed(draw: LambdaPer) -> None:
    dual, first, second = branches(draw)
    x = images(4)
    for seed in range(6):
        torch.manual_seed(seed)
        chosen = torch.tensor(lambdas(dual, x), dtype=torch.float32).view(-1, 1, 1, 1)
        for p in dual.parameters():
            p.grad = None
        torch.manual_seed(seed)
        mine = x.clone().requires_grad_()
        dual(mine).square().sum().backward()
        w = [torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)]
        theirs = x.clone().requires_grad_()
        (chosen * theirs * w[0] + (1 - chosen) * theirs * w[1]).square().sum().backward()  # type: ignore[no-untyped-call]
        torch.testing.assert_close(mine.grad, theirs.grad)
        torch.testing.assert_close(first.weight.grad, w[0].grad)  # zero, not None, for the idle branch
        torch.testing.assert_close(second.weight.grad, w[1].grad)


def test_inference_takes_the_mean_and_draws_nothing() -> None:
    dual, *_ = branches("batch")
    dual.eval()
    before = torch.get_rng_state()
    torch.testing.assert_close(dual(images(3)), 0.5 * (images(3) * 2) + 0.5 * (images(3) * 3))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_seed_decides() -> None:
    dual, *_ = branches("image")

    def drawn(seed: int) -> list[int]:
        torch.manual_seed(seed)
        return lambdas(dual, images(12))

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)

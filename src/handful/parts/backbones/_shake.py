"""Two residual branches of which training takes one at random, VIPF paper, equation 2.

lambda F(X, W1) + (1 - lambda) F(X, W2), with lambda 0 or 1 in training, evenly, and 0.5 in inference. It is the
Bernoulli relative of Shake-Shake (Gastaldi 2017, https://arxiv.org/abs/1705.07485); lambda is the same in both passes.

Only the branch that counts is computed, so training costs what one branch does. The other's parameters get gradients
of zero, as the formula gives them, so that momentum and weight decay act on them too. Batch statistics are those of
the images that a branch was given.
"""

from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

Draw = Literal["image", "batch"]


class Dual(nn.Module):
    """Two branches of one shape.

    `draw`: one lambda for the whole batch, or one for each image. In the latter case a random half of the batch goes to
    each branch (an odd batch's last image to either): shapes that change with every step would have a CPU's kernels
    generated anew. The numbers come from torch's default generator on the CPU, wherever the maps are: the same seed
    draws the same, and no accelerator has to wait.
    """

    def __init__(self, first: nn.Module, second: nn.Module, *, draw: Draw) -> None:
        super().__init__()
        self.first, self.second = first, second
        self.draw: Draw = draw

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        """The residual."""
        if not self.training:
            merged: Tensor = (self.first(x) + self.second(x)) * 0.5
            return merged
        n, coin = len(x), int(torch.randint(2, ()))
        cut = n * coin if self.draw == "batch" else (n + coin) // 2  # so many images to the first branch
        if cut == n:
            return _only(self.first, self.second, x)
        if cut == 0:
            return _only(self.second, self.first, x)
        order = torch.randperm(n)
        there, back = (index.to(x.device, non_blocking=True) for index in (order, order.argsort()))
        mixed = _Permute.apply(x, there, back)
        first, second = mixed.split([cut, n - cut])
        mixed = torch.cat([self.first(first), self.second(second)])
        residual: Tensor = _Permute.apply(mixed, back, there)
        return residual


def _only(used: nn.Module, idle: nn.Module, x: Tensor) -> Tensor:
    found: Tensor = _Idle.apply(used(x), *idle.parameters())
    return found


class _Idle(torch.autograd.Function):
    """The maps as they are, with gradients of zero for parameters that had no part in them."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, *parameters: Tensor) -> Tensor:
        ctx.save_for_backward(*parameters)
        return maps.view_as(maps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        return gradients[0], *(torch.zeros_like(p) for p in ctx.saved_tensors)


class _Permute(torch.autograd.Function):
    """The images in another order. Indexing does the same, but its gradient loses the channels-last layout."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, there: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        return x[there]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (back,) = ctx.saved_tensors
        return gradients[0][back], None, None

"""Residual with two branches, of which training uses one at random (VIPF, equation 2).

lambda F(X, W1) + (1 - lambda) F(X, W2), with lambda 0 or 1 with equal probability in training, and 0.5 in inference. It
is the Bernoulli variant of Shake-Shake (Gastaldi 2017, https://arxiv.org/abs/1705.07485), with the same lambda in the
forward and the backward pass.

Only the branch with weight 1 is computed, so a training step costs one branch. The parameters of the other get
gradients of zero, as in the formula, so that momentum and weight decay act on them too. Batch statistics are those of
the images that a branch processes.
"""

from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

LambdaPer = Literal["image", "batch"]


class DualBranch(nn.Module):
    """Two branches with the same output shape, combined as in equation 2.

    The random numbers come from torch's default generator on the CPU, wherever the maps are: the same seed gives the
    same lambdas, and an accelerator does not have to synchronize.

    Args:
        first: the branch with weight lambda.
        second: the branch with weight 1 - lambda.
        lambda_per: one lambda for the whole "batch", or one for each "image". Per image, a random half of the batch
            goes through each branch (the odd image through either), because sizes that change with every step would
            make a CPU generate its kernels anew.
    """

    def __init__(self, first: nn.Module, second: nn.Module, *, lambda_per: LambdaPer) -> None:
        super().__init__()
        self.first, self.second = first, second
        self.lambda_per: LambdaPer = lambda_per

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        """The residual."""
        if not self.training:
            mean: Tensor = (self.first(x) + self.second(x)) * 0.5
            return mean
        n, coin = len(x), int(torch.randint(2, ()))
        n_first = n * coin if self.lambda_per == "batch" else (n + coin) // 2
        if n_first == n:
            return _one_branch(self.first, self.second, x)
        if n_first == 0:
            return _one_branch(self.second, self.first, x)
        order = torch.randperm(n)
        order, inverse = (index.to(x.device, non_blocking=True) for index in (order, order.argsort()))
        shuffled = _Permute.apply(x, order, inverse)
        inputs = shuffled.split([n_first, n - n_first])
        outputs = torch.cat([self.first(inputs[0]), self.second(inputs[1])])
        residual: Tensor = _Permute.apply(outputs, inverse, order)
        return residual


def _one_branch(used: nn.Module, unused: nn.Module, x: Tensor) -> Tensor:
    residual: Tensor = _ZeroGradients.apply(used(x), *unused.parameters())
    return residual


class _ZeroGradients(torch.autograd.Function):
    """The identity of the maps, with gradients of zero for the parameters of the unused branch."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, *parameters: Tensor) -> Tensor:
        ctx.save_for_backward(*parameters)
        return maps.view_as(maps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        return gradients[0], *(torch.zeros_like(p) for p in ctx.saved_tensors)


class _Permute(torch.autograd.Function):
    """x[order]. Plain indexing computes the same, but its gradient loses the channels-last layout."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Int[Tensor, " n"], inverse: Int[Tensor, " n"]) -> Tensor:
        ctx.save_for_backward(inverse)
        return x[order]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (inverse,) = ctx.saved_tensors
        return gradients[0][inverse], None, None

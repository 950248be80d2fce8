"""Equivalent inference forms of D-ResNeXt's two branches, for `vipf-cost`: folded norms, and merged branches.

Without selective kernels, two bottlenecks of g groups are one with 2 g groups: the first convolutions side by side, the
spatial ones too, and the last over both, each norm folded into its convolution and a half into the last.
"""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handful.parts.backbones._dual_branch import DualBranch
from handful.parts.backbones._resnext_block import ResidualBlock

Folded = tuple[Tensor, Tensor]


def folded(network: nn.Module) -> nn.Module:
    """A copy whose residuals are two branches of three convolutions each."""
    return _replace(copy.deepcopy(network), lambda dual: _Sum([_Branch([f]) for f in _folded_branches(dual)]))


def merged(network: nn.Module) -> nn.Module:
    """A copy whose residuals are one branch of twice the width."""
    return _replace(copy.deepcopy(network), lambda dual: _Branch(_folded_branches(dual)))


def _replace(network: nn.Module, form: Callable[[DualBranch], nn.Module]) -> nn.Module:
    for block in network.modules():
        if isinstance(block, ResidualBlock):
            assert isinstance(block.residual, DualBranch)
            block.residual = form(block.residual)
    return network


def _fold(convolution: nn.Module, norm: nn.Module, factor: float = 1.0) -> Folded:
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = factor * norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
    bias = factor * norm.bias.detach() - norm.running_mean * scale
    return convolution.weight.detach() * scale[:, None, None, None], bias


class _Three:
    """The convolutions of one branch."""

    def __init__(self, branch: nn.Module) -> None:
        first, norm1, _, spatial, norm2, _, last, norm3 = branch.children()
        assert isinstance(spatial, nn.Conv2d)
        self.first, self.spatial, self.last = _fold(first, norm1), _fold(spatial, norm2), _fold(last, norm3, 0.5)
        self.stride, self.groups = spatial.stride, spatial.groups


def _folded_branches(dual: DualBranch) -> list[_Three]:
    return [_Three(dual.first), _Three(dual.second)]


class _Branch(nn.Module):
    """One bottleneck made of one or more."""

    def __init__(self, parts: list[_Three]) -> None:
        super().__init__()

        def kernels(weights: list[Tensor], dim: int = 0) -> Tensor:
            return torch.cat(weights, dim).contiguous(memory_format=torch.channels_last)

        self.first = kernels([p.first[0] for p in parts]), torch.cat([p.first[1] for p in parts])
        self.spatial = kernels([p.spatial[0] for p in parts]), torch.cat([p.spatial[1] for p in parts])
        self.last = kernels([p.last[0] for p in parts], 1), torch.stack([p.last[1] for p in parts]).sum(dim=0)
        self.stride, self.groups = parts[0].stride, sum(p.groups for p in parts)

    def forward(self, x: Tensor) -> Tensor:
        y = F.conv2d(x, *self.first).relu_()
        y = F.conv2d(y, *self.spatial, self.stride, 1, groups=self.groups).relu_()
        return F.conv2d(y, *self.last)


class _Sum(nn.Module):
    def __init__(self, branches: list[_Branch]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.branches
        total: Tensor = first(x) + second(x)
        return total

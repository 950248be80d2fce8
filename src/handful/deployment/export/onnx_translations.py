"""Distances between all pairs of rows (`torch.cdist`), which PyTorch's exporter has no operators for."""

from collections.abc import Callable
from typing import Any

import torch

EXACT = 2  # `donot_use_mm_for_euclid_dist`
FEW = 25  # rows up to which PyTorch itself subtracts, and does not multiply


def translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """What `torch.onnx.export` takes as `custom_translation_table`."""
    return {torch.ops.aten._cdist_forward.default: _distances}


def _distances(x1: Any, x2: Any, p: float, compute_mode: int | None = None) -> Any:
    """[n c] and [m c] to [n m]. Where there are many rows, from |a|^2 + |b|^2 - 2 a b, as PyTorch does it too."""
    from onnxscript import opset18 as op

    if p != 2:
        raise NotImplementedError(f"distances of order {p}")
    last = op.Constant(value_ints=[-1])
    if compute_mode == EXACT or (compute_mode is None and x2.shape[0] <= FEW):
        apart = op.Sub(op.Unsqueeze(x1, op.Constant(value_ints=[1])), op.Unsqueeze(x2, op.Constant(value_ints=[0])))
        return op.ReduceL2(apart, last, keepdims=0)
    own = op.ReduceSumSquare(x1, last, keepdims=1)
    other = op.Transpose(op.ReduceSumSquare(x2, last, keepdims=1), perm=[1, 0])
    both = op.MatMul(x1, op.Transpose(x2, perm=[1, 0]))
    squared = op.Sub(op.Add(own, other), op.Add(both, both))
    return op.Sqrt(op.Max(squared, op.Constant(value_float=0.0)))

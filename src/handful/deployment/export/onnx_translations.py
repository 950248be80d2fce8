"""ONNX translation of `torch.cdist` (distances between all pairs of rows), which PyTorch's exporter lacks."""

from collections.abc import Callable
from typing import Any

import torch

EXACT = 2  # `donot_use_mm_for_euclid_dist`
MAX_SUBTRACTED_ROWS = 25  # up to which PyTorch subtracts rows; beyond, it uses a matrix product


def translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """The `custom_translation_table` of `torch.onnx.export`."""
    return {torch.ops.aten._cdist_forward.default: _distances}


def _distances(x1: Any, x2: Any, p: float, compute_mode: int | None = None) -> Any:
    """[n c] and [m c] to [n m]; for many rows from |a|^2 + |b|^2 - 2 a b, as in PyTorch."""
    from onnxscript import opset18 as op

    if p != 2:
        raise NotImplementedError(f"distances of order {p}")
    last = op.Constant(value_ints=[-1])
    if compute_mode == EXACT or (compute_mode is None and x2.shape[0] <= MAX_SUBTRACTED_ROWS):
        difference = op.Sub(
            op.Unsqueeze(x1, op.Constant(value_ints=[1])), op.Unsqueeze(x2, op.Constant(value_ints=[0]))
        )
        return op.ReduceL2(difference, last, keepdims=0)
    squares = op.ReduceSumSquare(x1, last, keepdims=1)
    other = op.Transpose(op.ReduceSumSquare(x2, last, keepdims=1), perm=[1, 0])
    product = op.MatMul(x1, op.Transpose(x2, perm=[1, 0]))
    squared = op.Sub(op.Add(squares, other), op.Add(product, product))
    return op.Sqrt(op.Max(squared, op.Constant(value_float=0.0)))

"""Example outputs and batches, a long-tailed task, and slow oracles that the tests of losses share."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from handful.core.context import Task
from handful.core.recipe import Part
from handful.core.tensors import IGNORE, Batch, LabelEmbedding, Output
from handful.parts import registry
from tests.support.datasets import context

ONE_HOT, MIXED = "one-hot", "mixed"
BOTH = pytest.mark.parametrize("kind", [ONE_HOT, MIXED])
COUNTS = np.array([40, 16, 5, 1])  # training images of each class of the long-tailed task
K = len(COUNTS)


def example(kind: str, *, n: int = 6, k: int = 4, c: int = 5, seed: int = 0) -> tuple[Output, Batch]:
    """Logits and features with gradients; the last image has no label. "mixed": targets of two classes, as CutMix's."""
    g = torch.Generator().manual_seed(seed)
    logits = (3 * torch.randn((n, k), generator=g)).requires_grad_()
    features = torch.randn((n, c), generator=g).requires_grad_()
    labels = torch.randint(0, k, (n,), generator=g)
    targets = torch.eye(k)[labels]
    if kind == MIXED:
        share = torch.rand((n, 1), generator=g)
        targets = share * targets + (1 - share) * targets.roll(1, dims=0)
    labels[-1], targets[-1] = -1, 0
    maps = torch.full((n, 2, 2), IGNORE)
    return Output(logits, logits, features), Batch(torch.rand((n, 3, 2, 2), generator=g), labels, targets, maps)


def probabilities(logits: torch.Tensor) -> list[list[float]]:
    """Softmax in double precision."""
    rows: list[list[float]] = logits.detach().double().softmax(dim=1).tolist()
    return rows


def smoothed(targets: torch.Tensor, smoothing: float) -> list[list[float]]:
    """Targets with a share moved to all classes evenly."""
    return [[t * (1 - smoothing) + sum(row) * smoothing / len(row) for t in row] for row in targets.tolist()]


def build_long_tailed(
    name: str, options: Mapping[str, Any] | None = None, *, labels: LabelEmbedding | None = None
) -> Any:
    """A loss for a task with `COUNTS` training images of its classes."""
    task = Task(("a", "b", "c", "d"), COUNTS)
    given = replace(context(), task=task, labels=labels or LabelEmbedding(torch.eye(K)))
    return registry.build("losses", Part(name, options or {}), given)


def mixture(class_losses: list[list[float]], targets: torch.Tensor) -> torch.Tensor:
    """Each image's mixture of its classes' losses."""
    values = [
        sum(t * c for t, c in zip(row, losses, strict=True))
        for row, losses in zip(targets.tolist(), class_losses, strict=True)
    ]
    return torch.tensor(values, dtype=torch.float32)


def rows(logits: torch.Tensor) -> list[list[float]]:
    """Logits in double precision."""
    values: list[list[float]] = logits.detach().double().tolist()
    return values


def cross_entropy_by_hand(scores: list[float], label: int) -> float:
    """-log softmax(scores)[label]."""
    return math.log(sum(math.exp(s) for s in scores)) - scores[label]

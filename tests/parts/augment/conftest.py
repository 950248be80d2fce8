"""A small batch to change, and a context to build parts in."""

import numpy as np
import pytest
import torch

from handful.core.context import Context, Task
from handful.core.recipe import Part, Recipe, Stage
from handful.core.tensors import Batch, LabelEmbedding


@pytest.fixture
def context() -> Context:
    recipe = Recipe("test", Part("wide_resnet"), Part("linear"), (Stage(losses=(Part("cross_entropy"),), steps=1),))
    return Context(Task(("a", "b", "c"), np.array([2, 2, 2])), LabelEmbedding(torch.eye(3)), recipe)


def make_batch(n: int = 6, h: int = 45, w: int = 37, *, color: bool = True) -> Batch:
    """Noise images with an ellipse off the center as foreground, except that the last has no mask."""
    generator = torch.Generator().manual_seed(n + h + w)
    images = torch.rand(n, 3, h, w, generator=generator)
    if not color:
        images = images[:, :1].repeat(1, 3, 1, 1)
    labels = torch.arange(n) % 3
    down, across = torch.meshgrid(torch.linspace(-1, 1, h), torch.linspace(-1, 1, w), indexing="ij")
    inside = (((down + 0.1) / 0.55) ** 2 + ((across - 0.1) / 0.4) ** 2 < 1).long()
    maps = inside * (labels + 1)[:, None, None]
    if n > 1:
        maps[-1] = -1
    return Batch(images.contiguous(memory_format=torch.channels_last), labels, torch.eye(3)[labels], maps.contiguous())


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)

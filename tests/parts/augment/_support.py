"""Batches from which a change can be read off, and what was changed in them."""

import torch
from torch import Tensor

from handful.core.context import Context
from handful.core.recipe import Part
from handful.core.tensors import Batch
from handful.parts import registry
from tests.parts.augment.conftest import seeded


def dots(n: int, h: int, w: int, down: float, across: float) -> Batch:
    """A soft dot in each image, at this many pixels from the center."""
    y, x = torch.meshgrid(torch.arange(h) - (h - 1) / 2, torch.arange(w) - (w - 1) / 2, indexing="ij")
    dot = torch.exp(-((y - down) ** 2 + (x - across) ** 2) / 8)
    labels = torch.zeros(n, dtype=torch.int64)
    maps = (dot > 0.5).long().repeat(n, 1, 1)
    return Batch(dot.repeat(n, 3, 1, 1), labels, torch.eye(1)[labels], maps)


def dot_centers(images: Tensor) -> tuple[Tensor, Tensor]:
    """Where each image's dot is, in pixels from the center: down, across."""
    weight = images[:, 0] / images[:, 0].sum((1, 2), keepdim=True)
    h, w = weight.shape[1:]
    down = (weight.sum(2) * (torch.arange(h) - (h - 1) / 2)).sum(1)
    return down, (weight.sum(1) * (torch.arange(w) - (w - 1) / 2)).sum(1)


def erased(context: Context, name: str, batch: Batch, **options: object) -> tuple[Batch, Tensor]:
    """The result, and where its images differ from the batch's."""
    result = registry.build("augment", Part(name, options), context)(batch, seeded(0))
    where = (result.images != batch.images).any(dim=1)
    assert torch.equal(result.pixel_labels, torch.where(where, -1, batch.pixel_labels))
    return result, where


def box_sizes(where: Tensor) -> list[tuple[int, int]]:
    """Height and width of each image's erased box."""
    sizes = []
    for image in where:
        rows, columns = image.any(dim=1), image.any(dim=0)
        assert image.sum() == rows.sum() * columns.sum()
        sizes.append((int(rows.sum()), int(columns.sum())))
    return sizes


def constant_images(n: int, h: int, w: int) -> Batch:
    """Image i is all of the value i / 100, its pixel labels all of its class; every class is used once."""
    labels = torch.arange(n)
    images = (labels / 100)[:, None, None, None].expand(n, 3, h, w).contiguous(memory_format=torch.channels_last)
    maps = (labels + 1)[:, None, None].expand(n, h, w).contiguous()
    return Batch(images, labels, torch.eye(n)[labels], maps)


def apply(context: Context, name: str, batch: Batch, **options: float | str) -> Batch:
    result = registry.build("augment", Part(name, options), context)(batch, seeded(3))
    assert isinstance(result, Batch)
    return result

"""The augmentations of a recipe, applied in order, each during its share of training."""

from collections.abc import Callable, Sequence

import torch

from handful.core.recipe import Part
from handful.core.tensors import Batch

Change = Callable[[Batch, torch.Generator], Batch]


class Compose:
    """A recipe's augmentation parts as one function."""

    def __init__(self, parts: Sequence[tuple[Part, Change]]) -> None:
        self.parts = tuple(parts)

    def __call__(self, batch: Batch, generator: torch.Generator, *, share: float) -> Batch:
        """The batch after every part that is active at this share of training."""
        for part, change in self.parts:
            if part.start <= share < part.stop:
                batch = change(batch, generator)
        return batch
